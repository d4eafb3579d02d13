import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeFault } from "../../scripts/node-version.cjs";

test("the versions that package.json names need no word", () => {
  for (const version of ["20.19.0", "20.20.2", "22.13.0", "22.23.3", "24.0.0", "26.10.0"])
    assert.equal(nodeFault(version, true), undefined, version);
});

test("a Node that is too old is refused in one line that says which ones do", () => {
  for (const version of ["18.20.8", "20.18.3", "21.7.3", "22.11.0"]) {
    const { stop, message } = nodeFault(version, false)!;
    assert.ok(stop);
    assert.match(
      message,
      new RegExp(
        `^Node ${version} is too old .* Node 20 \\(from 20\\.19\\), 22 \\(from 22\\.13\\), 24, 26, from .*$`,
      ),
    );
  }
});

test("a Node that was not tried gets a word, and may go on", () => {
  for (const version of ["23.11.0", "25.9.0", "28.0.0"]) {
    const { stop, message } = nodeFault(version, true)!;
    assert.ok(!stop);
    assert.match(message, new RegExp(`not tried with Node ${version}`));
  }
});

test("what the packages need is there in every version that is named", () => {
  assert.equal((process.features as { require_module?: boolean }).require_module, true);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { factsText } from "../../../src/pretraining/causal/facts";
import { Random } from "../../../src/random/random";
import { tinyDocument, tinyTokens } from "../tiny-documents";

test("some of the facts of both stand twice, the second time as listed or as in the corpus", () => {
  const document = tinyDocument(1);
  const facts = document.personas.flatMap((persona) => persona.facts.map((fact) => fact.join(" ")));
  let [same, sorted] = [0, 0];
  const counts = new Set<number>();
  for (let seed = 0; seed < 300; seed++) {
    const { tokens, given } = factsText(document, tinyTokens, new Random(seed));
    assert.equal(given, 0);
    const middle = tokens.indexOf(tinyTokens.repeat);
    const [listed, again] = [tokens.slice(0, middle).join(" "), tokens.slice(middle + 1, -1).join(" ")];
    const there = facts.filter((fact) => listed.includes(fact));
    counts.add(there.length);
    assert.equal(again.length, there.join(" ").length);
    assert.ok(there.every((fact) => again.includes(fact)));
    if (listed === again) same++;
    else if (again === there.join(" ")) sorted++;
    else assert.fail(`${listed} | ${again}`);
  }
  assert.ok(same > 100 && sorted > 60, `${same} as listed, ${sorted} as in the corpus`);
  assert.deepEqual([...counts].sort(), [0, 1, 2, 3, 4]);
});

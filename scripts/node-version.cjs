// Whether the Node that runs is one that the project supports. CommonJS in the language of old versions, so that these can say
// that they are too old.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

/**
 * What to say about a version of Node, and whether to stop: the packages need one that can `require()` ES modules. Nothing
 * about a version that package.json names under `engines`.
 * @param {string} version as in process.versions.node
 * @param {boolean} requiresModules as in process.features.require_module
 * @returns {{ stop: boolean, message: string } | undefined}
 */
function nodeFault(version, requiresModules) {
  const { engines } = JSON.parse(readFileSync(join(__dirname, "../package.json"), "utf8"));
  const [major, minor] = version.split(".").map(Number);
  const ranges = Array.from(engines.node.matchAll(/\^(\d+)\.(\d+)/g), (range) => range.slice(1).map(Number));
  if (ranges.some(([itsMajor, least]) => major === itsMajor && minor >= least)) return undefined;
  const named = ranges.map(([itsMajor, least]) =>
    least > 0 ? `${itsMajor} (from ${itsMajor}.${least})` : itsMajor,
  );
  const supported = `it supports Node ${named.join(", ")}, from https://nodejs.org`;
  return requiresModules
    ? { stop: false, message: `This project was not tried with Node ${version}: ${supported}.` }
    : { stop: true, message: `Node ${version} is too old for this project: ${supported}.` };
}

/** Says in one line what is wrong with the Node that runs, if anything, and ends the process where it is too old. */
function checkNode() {
  const fault = nodeFault(process.versions.node, process.features.require_module === true);
  if (!fault) return;
  console.error(fault.message);
  if (fault.stop) process.exit(1);
}

module.exports = { checkNode, nodeFault };

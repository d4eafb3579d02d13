import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "../../src/io";

const packages = ["torch", "transformers", "peft", "trl", "bitsandbytes", "bm25s", "scikit-learn"];

const script = `
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try: found[name] = version(name)
    except PackageNotFoundError: pass
print(json.dumps(found))`;

/** Which peers are there, in which versions: packages of the Python PYTHON, and node-llama-cpp in the folder PERSONA_LLAMA_CPP. */
export function peerVersions(): Record<string, string> {
  const { PYTHON, PERSONA_LLAMA_CPP } = process.env;
  const python = PYTHON ? spawnSync(PYTHON, ["-c", script, ...packages], { encoding: "utf8" }) : undefined;
  const found = python?.status === 0 ? (JSON.parse(python.stdout) as Record<string, string>) : {};
  const llama = join(PERSONA_LLAMA_CPP ?? "", "node_modules/node-llama-cpp/package.json");
  if (PERSONA_LLAMA_CPP && existsSync(llama))
    found["node-llama-cpp"] = (readJson(llama) as { version: string }).version;
  return found;
}

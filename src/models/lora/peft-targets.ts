import type { PeftLoraConfig } from "./peft-config";
import { hasSuffix } from "./trainable";

/**
 * The modules among `linear` (paths of linear layers) that PEFT adapts for a configuration, as its
 * `check_target_module_exists` decides. Names that match nothing are passed over, as they are there. `undefined` where a
 * pattern is not one of JavaScript's too, so that only the adapter's file can tell.
 */
export function peftTargets(config: PeftLoraConfig, linear: readonly string[]): string[] | undefined {
  const { targetModules: targets, excludeModules: excluded, layersToTransform: blocks } = config;
  try {
    const isExcluded = matcher(excluded);
    const isTarget =
      typeof targets === "string" && targets.toLowerCase() === "all-linear"
        ? (module: string) => module !== "lm_head"
        : matcher(targets);
    const patterns =
      config.layersPattern.length > 0
        ? config.layersPattern.map((list) => python(`(?:^|.*?\\.)${list}\\.(?<idx>\\d+)\\.`, "^(?:", ")"))
        : [/^.*?\.[^.]*\.(?<idx>\d+)\./];
    const inBlocks = (module: string) => {
      if (blocks.length === 0 || targets.includes(module)) return true;
      const [block] = patterns.flatMap((pattern) => pattern.exec(module)?.groups?.["idx"] ?? []);
      return block !== undefined && blocks.includes(Number(block));
    };
    return linear.filter(
      (module) =>
        !isExcluded(module) &&
        !isInside(module, config.modulesToSave) &&
        isTarget(module) &&
        inBlocks(module),
    );
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The parameters that PEFT saves whole: those of modules whose paths end in one of the names, and of all within them. */
export function peftSaved(parameters: Iterable<string>, modulesToSave: readonly string[]): string[] {
  return [...parameters].filter((parameter) => {
    const parts = parameter.split(".").slice(0, -1);
    const modules = parts.map((_, i) => parts.slice(0, i + 1).join("."));
    return modules.some((module) => modulesToSave.some((name) => module.endsWith(name)));
  });
}

/** Whether a module is one of those saved whole, or within one; these get no adapter. */
const isInside = (module: string, modulesToSave: readonly string[]) =>
  modulesToSave.some((name) => `.${module}.`.includes(`.${name}.`));

function matcher(wanted: readonly string[] | string): (module: string) => boolean {
  if (typeof wanted !== "string") return (module) => wanted.some((suffix) => hasSuffix(module, suffix));
  const pattern = python(wanted, "^(?:", ")$");
  return (module) => wanted !== "" && pattern.test(module);
}

/** A Python regular expression between two pieces of JavaScript. Throws a SyntaxError for one that JavaScript lacks. */
function python(pattern: string, before: string, after: string): RegExp {
  const flags = /^\(\?([aimsux]+)\)/.exec(pattern)?.[1] ?? "";
  if (flags.includes("x")) throw new SyntaxError("verbose patterns are Python's");
  const body = pattern
    .replace(/^\(\?[aimsux]+\)/, "")
    .replace(/\(\?P</g, "(?<")
    .replace(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replace(/\\A/g, "^")
    .replace(/\\Z/g, "$");
  return new RegExp(`${before}${body}${after}`, `u${flags.replace(/[^ims]/g, "")}`);
}

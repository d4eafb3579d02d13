/**
 * Ends JavaScript that does not come to its end, from another thread, through the inspector. The main thread is halted
 * first, which happens in JavaScript only: a termination that meets native code is fatal to addons. Halted, it is looked
 * at, and it is cut off only where that breaks nothing that other code relies on:
 *
 * - in a cell's own code, or where it waits for a line, unless a library has called it. A function that the cell has called comes to its end first, so
 *   that no module is half loaded and no library half-way;
 * - if that does not happen and somebody insists, in any code but Node's and the kernel's.
 */
import { Session, type Runtime } from "node:inspector";

/**
 * In the main thread, while it is halted: whether its code may be cut off here, and if so, makes ready for it.
 *
 * @param scripts those of its frames, the running one first
 */
export type MayCut = (scripts: readonly string[]) => boolean;

/** Where the main thread keeps its {@link MayCut}. */
export const mayCutKey = "jupyter.kernel.mayCut";

const isCell = (script: string) => /^cell:\d+$/.test(script);
const ownCode =
  /^$|^node:|^wasm:|[\\/](tslab[\\/]dist|@tslab[\\/]typescript-for-tslab|jupyter[\\/]kernel)[\\/]/;
/** Whether a script is neither a cell nor of Node or the kernel. */
export const isLibrary = (script: string) => !isCell(script) && !ownCode.test(script);
/** The kernel's own `prompt()` for the cell: it keeps nothing that could be left half-way. */
const isPrompt = (script: string) => /[\\/]jupyter[\\/]kernel[\\/]input\.ts$/.test(script);
/** Whether a cell's code runs or waits for a line, and no library has called it. */
const inCell = ([top, ...callers]: string[]) =>
  (isCell(top!) || (isPrompt(top!) && isCell(callers[0]!))) && ![top!, ...callers].some(isLibrary);

/**
 * Cuts off what the main thread does for as long as it is `stuck`, which is asked while it is halted as well.
 *
 * @param insisted whether code of libraries may be cut off
 */
export async function cutWhile(stuck: () => boolean, insisted: () => boolean): Promise<void> {
  const inspector = new Session();
  inspector.connectToMainThread();
  const names = new Map<string, string>();
  let halted: string[] | undefined;
  inspector.on("Debugger.scriptParsed", ({ params }) => names.set(params.scriptId, params.url));
  inspector.on("Debugger.paused", ({ params }) => {
    halted = params.callFrames.map(({ location }) => names.get(location.scriptId) ?? "");
  });
  const scriptsWhenHalted = async (limit = Infinity): Promise<string[] | undefined> => {
    const until = Date.now() + limit;
    while (!halted && stuck() && Date.now() < until) await after(10);
    return stuck() ? halted : undefined;
  };
  const goOn = (how: "resume" | "stepOut", parameters = {}) => {
    halted = undefined;
    inspector.post(`Debugger.${how}`, parameters);
  };
  const mayCut = (scripts: string[]) =>
    new Promise<boolean>((resolve) => {
      const expression = `globalThis[Symbol.for("${mayCutKey}")](${JSON.stringify(scripts)})`;
      inspector.post("Runtime.evaluate", { expression }, (_error, answer?: Runtime.EvaluateReturnType) =>
        resolve(answer?.result.value === true),
      );
    });

  inspector.post("Debugger.enable");
  while (stuck()) {
    inspector.post("Debugger.pause"); // nothing happens before native code has returned
    let scripts = await scriptsWhenHalted();
    const insist = insisted();
    while (scripts && !insist && !inCell(scripts) && scripts.some(isCell)) {
      goOn("stepOut");
      scripts = await scriptsWhenHalted(1000);
    }
    if (!scripts) continue;
    const [top] = scripts as [string];
    const here = insist ? !ownCode.test(top) : inCell(scripts);
    goOn("resume", { terminateOnResume: here && stuck() && (await mayCut(scripts)) });
    await after(50);
  }
  inspector.disconnect(); // a main thread that is halted goes on
}

const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

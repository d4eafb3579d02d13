/**
 * One output in several forms, by media type (`text/html`, `image/png`, …); the front end shows the richest that it
 * knows. Bytes are sent as base64, objects (`application/json`, Plotly's `application/vnd.plotly.v1+json`) as JSON.
 */
export type MimeBundle = Readonly<Record<string, string | Uint8Array | object>>;

/** An output that can be replaced in place. */
export interface DisplayHandle {
  /** @param metadata as {@link display} takes it; what was given at first stays without it */
  update(bundle: MimeBundle, metadata?: Record<string, unknown>): void;
}

interface DisplayData {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
  transient: { display_id?: string };
}

type WriteDisplayData = (content: DisplayData, update: boolean) => void;

let displays = 0;

/**
 * Shows one output with all of `bundle`'s media types in the running cell. Outside a notebook kernel nothing is shown.
 *
 * @example
 * display({ "text/html": "<b>2</b>", "text/plain": "2" });
 * @param metadata what the saved output says about itself besides its data
 */
export function display(bundle: MimeBundle, metadata: Record<string, unknown> = {}): void {
  liveDisplay(bundle, metadata);
}

/** Shows an output as {@link display} does and returns a handle that replaces it in place. */
export function liveDisplay(bundle: MimeBundle, metadata: Record<string, unknown> = {}): DisplayHandle {
  const display_id = `display-${process.pid}-${++displays}`;
  const send = (content: MimeBundle, about: Record<string, unknown>, update: boolean) =>
    kernelWriter()?.({ data: encode(content), metadata: about, transient: { display_id } }, update);
  send(bundle, metadata, false);
  return { update: (content, about = metadata) => send(content, about, true) };
}

/** Whether this code runs in a notebook kernel, so that {@link display} is seen. */
export function inKernel(): boolean {
  return kernelWriter() !== undefined;
}

/**
 * Removes what the running cell has shown so far; with `wait`, only when the next output comes, so that nothing
 * flickers. Outside the project's kernel it does nothing.
 */
export function clearOutput(wait = false): void {
  projectKernel()?.clearOutput(wait);
}

/** Aborted when the running cell is interrupted, so that long asynchronous work can stop; never outside the kernel. */
export function interruptSignal(): AbortSignal {
  return projectKernel()?.interruptSignal() ?? new AbortController().signal;
}

interface ProjectKernel {
  clearOutput(wait: boolean): void;
  interruptSignal(): AbortSignal;
}

function projectKernel(): ProjectKernel | undefined {
  return (globalThis as Record<symbol, unknown>)[Symbol.for("jupyter.kernel")] as ProjectKernel | undefined;
}

/** tslab's way to send a whole bundle; its public `display` sends one media type at a time. */
function kernelWriter(): WriteDisplayData | undefined {
  // Looked up, not imported: loading tslab takes a while and is of no use outside its kernel.
  const path = Object.keys(require.cache).find((file) => /[\\/]tslab[\\/]dist[\\/]jupyter\.js$/.test(file));
  const exports =
    path && (require.cache[path]?.exports as { lastWriteDisplayData?: WriteDisplayData | null });
  return exports ? (exports.lastWriteDisplayData ?? undefined) : undefined;
}

function encode(bundle: MimeBundle): Record<string, unknown> {
  const entries = Object.entries(bundle).map(([mime, value]) => [
    mime,
    value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

import {
  type DeviceTensors,
  DeviceTensor,
  gatherOn,
  type ProgramTensor,
  type RecordedDevice,
} from "../../engine";

/** Tensors by name, of which some lie on a device. */
type Tensors = Readonly<Record<string, ProgramTensor>>;

/**
 * What a decoder keeps from step to step in a device's memory: tensors by name, each with the decoder's rows (or inputs) along its first
 * dimension. What is asked of them is done in the order in which it was asked, and freed where it is replaced. Tensors without
 * elements may lie in ordinary memory: they are what a cache begins with.
 */
export class ResidentTensors {
  private tensors: Promise<Tensors>;

  constructor(
    private readonly device: RecordedDevice,
    tensors: Tensors | Promise<Tensors>,
  ) {
    this.tensors = Promise.resolve(tensors);
    this.tensors.catch(() => {}); // whoever asks for them is told
  }

  /** The tensors as a program takes them. */
  get(): Promise<Tensors> {
    return this.tensors;
  }

  /** Puts others in the place of those with their names. */
  replace(tensors: Tensors): void {
    this.change(async (before) => ({ ...before, ...tensors }));
  }

  /** Makes row i what row `rows[i]` was. */
  select(rows: readonly number[]): void {
    this.change(async (before) => {
      const [first] = Object.values(before);
      if (rows.length === first?.shape[0] && rows.every((row, i) => row === i)) return before;
      return gatherOn(this.device, before as DeviceTensors, rows);
    });
  }

  /** What `make` makes of them as they are now; they stay until it is made. */
  made<T>(make: (tensors: Tensors) => Promise<T>): Promise<T> {
    const result = this.tensors.then(make);
    this.change(async (before) => {
      await result.catch(() => {});
      return before;
    });
    return result;
  }

  /** Frees them. */
  dispose(): void {
    this.change(() => Promise.resolve({}));
  }

  private change(next: (before: Tensors) => Promise<Tensors>): void {
    this.tensors = this.tensors.then(async (before) => {
      const after = await next(before);
      for (const [name, tensor] of Object.entries(before)) if (after[name] !== tensor) free({ tensor });
      return after;
    });
    this.tensors.catch(() => {});
  }
}

/** Frees what of these tensors lies on a device. */
export function free(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) if (tensor instanceof DeviceTensor) tensor.dispose();
}

/** The results of a program whose names begin with `from`, under names that begin with `to`. */
export function renamed(tensors: Tensors, from: string, to: string): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(from) ? [[to + name.slice(from.length), tensor] as const] : [],
    ),
  );
}

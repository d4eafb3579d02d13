import { drawMask, type MaskDraw, type Noise } from "./noise";

/** Memory that a run gave back. A step of FLAN-T5 Small draws 90 MB of masks; in new memory, that takes three times as long. */
let idle: ArrayBuffer | undefined;
let holders = 0;

/** To be called for every program with masks: as long as there is one, the memory of the last run is kept for the next. */
export function holdMaskMemory(): void {
  holders++;
}

/** To be called when a program with masks is disposed of. */
export function releaseMaskMemory(): void {
  if (--holders === 0) idle = undefined;
}

/** Masks of one run by the names of their inputs. They must not be used after `giveBack`. */
export interface DrawnMasks {
  readonly masks: ReadonlyMap<string, Uint8Array>;
  giveBack(): void;
}

/** Draws the masks of a run side by side in one piece of memory. */
export function drawMasks(noise: Noise, draws: ReadonlyMap<string, MaskDraw>): DrawnMasks {
  const aligned = ({ size }: MaskDraw) => Math.ceil(size / 4) * 4;
  const bytes = [...draws.values()].reduce((sum, draw) => sum + aligned(draw), 0);
  // Taken, so that a run that begins before this one ends gets other memory.
  const memory = idle && idle.byteLength >= bytes ? idle : new ArrayBuffer(bytes);
  idle = undefined;
  const masks = new Map<string, Uint8Array>();
  let offset = 0;
  for (const [name, draw] of draws) {
    masks.set(name, drawMask(noise, draw, new Int32Array(memory, offset, aligned(draw) / 4)));
    offset += aligned(draw);
  }
  return {
    masks,
    giveBack() {
      if (holders > 0 && memory.byteLength > (idle?.byteLength ?? 0)) idle = memory;
    },
  };
}

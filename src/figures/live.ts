import { display, inKernel, liveDisplay } from "../display";
import { BrowserMissingError } from "./browser";
import { renderPng } from "./render";
import { figureOutputs, figureText, pictureMetadata } from "./show";
import type { Figure } from "./types";

/** A figure in the running cell that is drawn again and again while work goes on. */
export interface LiveFigure {
  /**
   * Shows `make()` in the figure's place, soon: one drawing at a time, one a second to one in ten seconds, the slower the
   * longer a drawing takes. What comes in between is left out, and so is a drawing that fails. Outside a notebook nothing is drawn.
   */
  update(make: () => Figure): void;
  /** The last state, shown and saved as `showFigure` does. */
  finish(figure: Figure, path?: string): Promise<void>;
}

/** Milliseconds between two drawings, at least and at most. */
const interval = { least: 1000, most: 10_000 };

/** Within that, a drawing takes this share of the time. */
const share = 0.1;

/** Begins a live figure: a place in the output of the running cell. */
export function startLiveFigure(): LiveFigure {
  const state = { next: 0, drawing: Promise.resolve(), busy: false };
  const handle = liveDisplay({ "text/plain": "" });
  const draw = async (figure: Figure) => {
    const started = performance.now();
    state.busy = true;
    try {
      const png = await renderPng(figure);
      handle.update({ "image/png": png, "text/plain": figureText(figure) }, pictureMetadata(figure));
    } catch (error) {
      // A drawing that fails is left out: the work that it would have shown goes on.
      state.next = error instanceof BrowserMissingError ? Infinity : performance.now() + interval.most;
      return;
    } finally {
      state.busy = false;
    }
    const took = performance.now() - started;
    state.next = started + Math.min(interval.most, Math.max(interval.least, took / share));
  };
  return {
    update(make) {
      if (state.busy || performance.now() < state.next || !inKernel()) return;
      state.drawing = draw(make());
    },
    async finish(figure, path) {
      await state.drawing;
      const { picture, metadata, live } = await figureOutputs(figure, path);
      handle.update(picture, metadata);
      display(live);
    },
  };
}

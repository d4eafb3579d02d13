/** Lets interrupts, displays and timers have their turn between computations. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets Ctrl-C, or a kill, stop a program gently: the signal is aborted and `says` is printed. A second one leaves at once.
 *
 * @param says what goes on until it stops
 */
export function stopOnSignal(says: string): AbortSignal {
  const stop = new AbortController();
  const halt = () => {
    if (stop.signal.aborted) process.exit(130);
    console.error(`\n${says} (Ctrl-C again leaves at once).`);
    stop.abort();
  };
  process.on("SIGINT", halt);
  process.on("SIGTERM", halt);
  return stop.signal;
}

/** Prints a line; in a terminal it takes the place of the progress that is shown there. */
export const say = (line: string) => console.log(process.stderr.isTTY ? `\r\u001b[K${line}` : line);

/** Runs a command that serves on a port until it ends; what goes wrong is said in a line. */
export function runServing(main: () => Promise<void>): void {
  main()
    .catch((error: unknown) => {
      const { code, message } = error as NodeJS.ErrnoException;
      console.error(
        code === "EADDRINUSE" ? `${message}: take another --port, or 0 for one that is free` : message,
      );
      process.exitCode = 1;
    })
    .finally(() => process.exit());
}

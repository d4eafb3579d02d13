/** npm run worker: does the jobs that other commands send through a Redis. */
import { Command } from "commander";
import { QUEUE, redisAddress, workOnQueue } from "../src/grid";
import { queueName } from "./job-options";
import { wholeFrom } from "./options";
import { say, stopOnSignal } from "./stopping";

interface Options {
  redis?: string;
  queue: string;
  parallel: number;
  deadAfter: number;
  idle?: number;
}

const command = new Command("npm run worker --")
  .description(
    "Does jobs that npm run grid, generate and evaluate send with --redis, on this machine and any number of others.",
  )
  .option("--redis <url>", "where they are sent (default: REDIS_URL, or redis://127.0.0.1:6379)")
  .option("--queue <name>", "of the Redis", queueName, QUEUE)
  .option("--parallel <number>", "jobs at a time, which share the cores", wholeFrom(1), 1)
  .option("--idle <seconds>", "end after so long without a job (default: wait for ever)", wholeFrom(1))
  .option(
    "--dead-after <seconds>",
    "without a sign for so long a worker counts as dead, and another one takes its jobs up",
    wholeFrom(1),
    30,
  )
  .addHelpText(
    "after",
    `
The project's folder, of the same version, and the folder of the outputs must be the same here as where jobs are sent from; a Redis that
wants a password is named by REDIS_URL (redis://:PASSWORD@HOST:PORT). A first Ctrl-C has the jobs at work save what they have and hands them
back; a second one leaves at once, which loses nothing but time. docs/jobs.md has the rest: Slurm, Kubernetes, and what happens when
something fails.

Examples:
  npm run worker
  npm run worker -- --redis redis://10.0.0.5:6379 --parallel 4 --idle 600`,
  )
  .showHelpAfterError();

async function main(): Promise<void> {
  command.parse();
  const { redis, ...options } = command.opts<Options>();
  const signal = stopOnSignal("Stopping: the jobs at work save what they have and go back");
  await workOnQueue({ ...options, redis: redisAddress(redis), signal, say });
  if (signal.aborted) process.exitCode = 130;
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => process.exit());

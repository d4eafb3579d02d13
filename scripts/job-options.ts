import { type Command, InvalidArgumentError } from "commander";
import { type JobEngine, localProcesses, QUEUE, redisAddress, redisQueue } from "../src/grid";
import { wholeFrom } from "./options";

/** What a command line says of who does jobs. */
export interface JobChoices {
  readonly parallel?: number;
  readonly redis?: string | true;
  readonly queue: string;
}

/**
 * Adds the options that say who does jobs to a command.
 *
 * @param jobs what it calls them
 * @param unless what is done where no number of them is given
 */
export function withJobOptions(command: Command, jobs: string, unless = "one for every two cores"): Command {
  return command
    .option("--parallel <number>", `${jobs} at the same time (default: ${unless})`, wholeFrom(1))
    .option(
      "--redis [url]",
      "instead: on whatever machines npm run worker is at work, through a Redis (default: REDIS_URL, or redis://127.0.0.1:6379)",
    )
    .option("--queue <name>", "of the Redis", queueName, QUEUE);
}

/** Who does jobs, as a command line says. */
export function jobEngine({ parallel, redis, queue }: JobChoices): JobEngine {
  if (redis === undefined) return localProcesses(parallel);
  if (parallel !== undefined)
    throw new Error("--parallel: with --redis the workers say how many they do at a time");
  return redisQueue({ redis: redisAddress(redis === true ? undefined : redis), queue });
}

/** Reads the name of a queue. */
export function queueName(text: string): string {
  if (!/^[\w.-]{1,100}$/.test(text))
    throw new InvalidArgumentError(`"${text}" has other signs than letters, digits, ".", "_" and "-".`);
  return text;
}

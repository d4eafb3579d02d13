import { type Command, InvalidArgumentError, Option } from "commander";
import { devices, useDevice } from "../src/engine";
import {
  type JobEngine,
  localProcesses,
  QUEUE,
  redisAddress,
  redisQueue,
  type SettingValue,
} from "../src/grid";

/** `NAME=VALUE` of a command line; `true`, `false` and numbers as such, everything else as text. */
export function parseSetting(text: string): [name: string, value: SettingValue] {
  const [whole, name, value] = /^([A-Za-z]\w*)=(.*)$/s.exec(text) ?? [];
  if (whole === undefined) throw new InvalidArgumentError(`"${text}" is not of the form NAME=VALUE.`);
  return [name!, plainValue(value!)];
}

function plainValue(text: string): SettingValue {
  if (text === "true" || text === "false") return text === "true";
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Reads a whole number from `least` on, for an option of a command line. */
export const wholeFrom = (least: number) => (text: string) => {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= least))
    throw new InvalidArgumentError(`"${text}" is not a whole number from ${least}.`);
  return value;
};

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

/** `--device`: where the models of this process, and of those that it starts, run. */
export const deviceOption = () =>
  new Option(
    "--device <device>",
    `where models run: ${devices.join(", ")} (default: as DEVICE says, otherwise cpu); npm run doctor says what this machine has`,
  ).argParser((name: string) => {
    try {
      useDevice(name);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
    return name;
  });

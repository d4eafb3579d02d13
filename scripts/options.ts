import { InvalidArgumentError, Option } from "commander";
import { devices, useDevice } from "../src/engine";
import type { SettingValue } from "../src/grid";

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

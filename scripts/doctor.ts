/** npm run doctor: what this machine has, what works, how fast, and what to install for what does not. */
import { fork } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Command } from "commander";
import { type Device, devices } from "../src/engine";
import { closeBrowser, sharedBrowser } from "../src/figures";
import { didYouMean } from "../src/text";
import type { DeviceState } from "./doctor/device";
import { describeMachine } from "./doctor/machine";
import { describeDiagnosis, type Diagnosis } from "./doctor/report";

/** Seconds after which a device is given up. */
const PATIENCE = 300;

/** Tries a device in a process of its own. */
async function tryDevice(device: Device): Promise<DeviceState> {
  const child = fork(join(__dirname, "doctor/device.ts"), [device], {
    execArgv: ["--require", "tsx/cjs"],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    timeout: 1000 * PATIENCE,
  });
  const [printed, errors, ended] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    new Promise<string>((resolve) =>
      child.once("close", (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`)),
    ),
  ]);
  const result = /\{"device".*\}$/s.exec(printed)?.[0];
  if (result !== undefined) return JSON.parse(result) as DeviceState;
  const last = errors.trim().split("\n").at(-1) ?? "";
  return {
    device,
    state: "wrong",
    reason: `the process that tried it ended (${ended}${last && `: ${last}`}); another driver may help`,
  };
}

async function browserVersion(): Promise<string | undefined> {
  try {
    const { product } = (await (await sharedBrowser()).send("Browser.getVersion")) as { product: string };
    return product;
  } catch {
    return undefined;
  } finally {
    await closeBrowser();
  }
}

function chosenDevice(name: string, before: Device[]): Device[] {
  const device = devices.find((one) => one === name);
  if (!device)
    throw new Error(`there is no device ${name}: ${devices.join(", ")}.${didYouMean(name, devices)}`);
  return [...before, device];
}

async function main(): Promise<void> {
  const command = new Command("npm run doctor --")
    .description(
      "Says what this machine has, which devices work and how fast, and what to install for those that do not.",
    )
    .argument("[devices...]", `the devices that are tried; default: all of ${devices.join(", ")}`)
    .option("--json", "as JSON", false)
    .showHelpAfterError()
    .parse();
  const { json } = command.opts<{ json: boolean }>();
  const wanted = command.args.reduce<Device[]>((before, name) => chosenDevice(name, before), []);
  const states: DeviceState[] = [];
  for (const device of wanted.length > 0 ? wanted : devices) {
    if (!json) console.error(`trying ${device} …`);
    states.push(await tryDevice(device)); // one at a time, as they are timed
  }
  const diagnosis: Diagnosis = { machine: describeMachine(await browserVersion()), devices: states };
  console.log(json ? JSON.stringify(diagnosis, null, 2) : describeDiagnosis(diagnosis));
  if (!states.some(({ state }) => state === "works")) process.exitCode = 1;
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => process.exit());

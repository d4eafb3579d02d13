import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as protobuf from "protobufjs/light";
import { makeFolder, onDisk, removeFile, tfRecord, writeFileWhole } from "../io";

/** Numbers of a step by their tags in TensorBoard. */
export interface LoggedScalars {
  readonly step: number;
  /** When they came, in seconds since 1970. */
  readonly wallTime: number;
  readonly scalars: Readonly<Record<string, number>>;
}

/** What stands before a field of Protocol Buffers: its number, and how its value is written. */
const field = (number: number, kind: "varint" | "8 bytes" | "length" | "4 bytes") =>
  (number << 3) | { varint: 0, "8 bytes": 1, length: 2, "4 bytes": 5 }[kind];

/** An `Event` of TensorFlow's event.proto with what `write` adds to its time and step. */
function event(
  { wallTime, step }: Pick<LoggedScalars, "wallTime" | "step">,
  write: (writer: protobuf.Writer) => void,
): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(field(1, "8 bytes")).double(wallTime);
  writer.uint32(field(2, "varint")).int64(step);
  write(writer);
  return tfRecord(writer.finish());
}

/** The event of scalars: a `Summary` with a `Value` for each, its `tag` and `simple_value`. */
function summary({ scalars, ...place }: LoggedScalars): Uint8Array {
  return event(place, (writer) => {
    writer.uint32(field(5, "length")).fork();
    for (const [tag, value] of Object.entries(scalars)) {
      writer.uint32(field(1, "length")).fork();
      writer.uint32(field(1, "length")).string(tag);
      writer.uint32(field(2, "4 bytes")).float(value);
      writer.ldelim();
    }
    writer.ldelim();
  });
}

/** What a file begins with: the version of the format, and that a session starts, which makes TensorBoard forget later steps. */
function beginning(wallTime: number): Uint8Array[] {
  const at = { wallTime, step: 0 };
  return [
    event(at, (writer) => writer.uint32(field(3, "length")).string("brain.Event:2")),
    event(at, (writer) =>
      writer.uint32(field(7, "length")).fork().uint32(field(1, "varint")).int32(1).ldelim(),
    ),
  ];
}

const NAME = /^events\.out\.tfevents\.(\d+)\.training$/;

/**
 * Scalars as an event file that TensorBoard reads, also while it grows. A folder has one: a log that is opened again becomes a
 * new file with the steps that it keeps, later by name, and the old one goes, so that no step is there twice.
 */
export class EventLog {
  readonly path: string;

  /** @param rows what the log begins with, whatever it was */
  constructor(folder: string, rows: readonly LoggedScalars[]) {
    makeFolder(folder);
    const earlier = readdirSync(folder).filter((name) => NAME.test(name));
    const now = Date.now() / 1000;
    const latest = Math.max(0, ...earlier.map((name) => Number(NAME.exec(name)![1])));
    const second = Math.max(Math.floor(now), latest + 1);
    this.path = join(folder, `events.out.tfevents.${second}.training`);
    writeFileWhole(this.path, Buffer.concat([...beginning(now), ...rows.map(summary)]));
    for (const name of earlier) removeFile(join(folder, name));
  }

  append(row: LoggedScalars): void {
    onDisk(this.path, () => appendFileSync(this.path, summary(row)));
  }
}

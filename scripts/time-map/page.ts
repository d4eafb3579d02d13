/** The map of time: what `npm run bench -- all` leaves, and the page that is made of it. */
import { type Growth, exponent, growths } from "./growth";
import { mapRows, rooflineOf } from "./jobs";
import type { Roofline } from "./limits";
import { notebookRows } from "./notebooks";
import { type MapRow, shareOfLimit, timesThePeer } from "./row";
import { found, type MapRun } from "./run";
import { figure, mapTable, table } from "./table";

export interface TimeMap {
  readonly run: MapRun;
  readonly roofline?: Roofline;
  readonly rows: readonly MapRow[];
  readonly growth: readonly Growth[];
  /** Of the steps that were profiled, the percentage of each kind of operation. */
  readonly parts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const profiled = { "T5's LoRA step": "training-step", "SmolLM2-135M's LoRA step": "llama-step" };

/**
 * The map of what a run has left in its folder, finished or not.
 *
 * @param where the folder of the notebooks, and the one in which runs of them left their manifests
 */
export function mapOf(folder: string, run: MapRun, where: { notebooks: string; outputs: string }): TimeMap {
  const left = (name: string) => found(folder, run, name);
  const results = (name: string) => {
    const file = left(name);
    return typeof file === "string" ? undefined : file;
  };
  const roofline = rooflineOf(results("roofline"));
  const parts = Object.entries(profiled).flatMap(([job, bench]) => {
    const shares = results(bench)?.["percentOfTime"] as Record<string, number> | undefined;
    return shares ? [[job, shares] as const] : [];
  });
  return {
    run,
    ...(roofline && { roofline }),
    rows: [...mapRows(left), ...notebookRows(where.notebooks, where.outputs)],
    growth: growths(left),
    parts: Object.fromEntries(parts),
  };
}

const titles: Readonly<Record<string, string>> = {
  T5: "FLAN-T5",
  causal: "Causal models",
  retrieval: "Retrieval",
  notebooks: "Notebooks",
};

/** Processors that others kept busy, from which on a page calls its figures those of a busy machine. */
const BUSY = 0.1;

/** The page, as Markdown. */
export function performancePage(map: TimeMap): string {
  const groups = [...new Set(map.rows.map(({ group }) => group))];
  return `${[
    "# The map of time",
    "<!-- Made by `npm run bench -- page` of what `npm run bench -- all` measured; not to be written by hand. -->",
    introduction(map),
    circumstances(map.run),
    ...groups.flatMap((group) => [
      `## ${titles[group] ?? group}`,
      group === "notebooks"
        ? notebooksTable(map.rows.filter((row) => row.group === group))
        : mapTable(map.rows.filter((row) => row.group === group)),
    ]),
    "## How times grow",
    ...growthText(map.growth),
    "## Where the next factor lies",
    ...nextFactor(map),
  ].join("\n\n")}\n`;
}

function introduction({ run, roofline }: TimeMap): string {
  const { machine, peers, quick } = run.settings as {
    machine?: { processor?: string; cores?: number; memoryGiB?: number };
    peers?: Record<string, string>;
    quick?: boolean;
  };
  const best = roofline
    ? `its best product in float32 reached ${figure(roofline.gflopPerSecond)} GFLOP/s, its memory was read at ${figure(roofline.gigabytesPerSecond)} GB/s`
    : "its best was not measured, so that there are no limits";
  const names = Object.entries(peers ?? {}).map(([name, version]) => `${name} ${version}`);
  return [
    `What each main job takes, what the best peer takes that was found, measured in the same run, and what the machine could do at best. Measured on`,
    `${run.started.slice(0, 10)} on ${machine?.cores ?? "?"} cores of an ${machine?.processor ?? "unknown processor"} with ${machine?.memoryGiB ?? "?"} GiB, two threads each: ${best}.`,
    `Peers: ${names.join(", ") || "none; PYTHON and PERSONA_LLAMA_CPP name them"}.`,
    ...(quick ? ["Each was measured once, and how times grow was left out (`--quick`)."] : []),
    "A limit counts what cannot be left out: a step's matrix products, each once, at the rate of the best product; a token's weights, read from",
    "memory once. Norms, softmax, dropout, the update and all copies come on top of it.",
  ].join("\n");
}

/** How busy the machine was with other work, and what that means. */
function circumstances({ ended, finished }: MapRun): string {
  const others = Object.values(ended).flatMap(({ otherProcessors }) => otherProcessors ?? []);
  const most = Math.max(0, ...others);
  const load =
    others.length === 0
      ? "This system does not tell whether others used the machine meanwhile."
      : most >= BUSY
        ? `**The machine was busy**: others kept up to ${most} of its processors at work meanwhile. Times are longer than on quiet cores, and a peer and ours did not always meet the same load: no ratio here is exact, and no share of a limit.`
        : "The machine was quiet.";
  return finished ? load : `${load} The run has not come to its end.`;
}

function notebooksTable(rows: readonly MapRow[]): string {
  const seconds = rows.flatMap(({ ours }) => ours ?? []);
  const total = seconds.reduce((sum, value) => sum + value, 0);
  const text = ({ ours, missing }: MapRow) => (ours === undefined ? (missing ?? "") : `${figure(ours)} s`);
  return [
    "From the manifest that the last run of each has left; they were not run for this page.",
    table(
      ["notebook", "run", "time"],
      [
        ...rows.map((row) => [row.job, row.size, text(row)]),
        [`${seconds.length} of ${rows.length}`, "", `${figure(total)} s`],
      ],
    ),
  ].join("\n\n");
}

function growthText(growth: readonly Growth[]): string[] {
  if (growth.length === 0) return ["Not measured in this run."];
  const power = (points: readonly { size: number; value: number }[]) =>
    points.length < 2 ? "" : exponent(points).toFixed(2);
  return [
    "Times at growing sizes, and the power of the size with which they grew: 1 where twice the size takes twice as long.",
    table(
      ["job", "what grows", "sizes", "ours", "power", "peer", "power"],
      growth.map(({ job, by, unit, points }) => {
        const theirs = points.flatMap(({ size, peer }) =>
          peer === undefined ? [] : [{ size, value: peer }],
        );
        return [
          job,
          by,
          points.map(({ size }) => figure(size)).join(" · "),
          `${points.map(({ ours }) => figure(ours)).join(" · ")} ${unit}`,
          power(points.map(({ size, ours }) => ({ size, value: ours }))),
          theirs.length === 0 ? "" : `${theirs.map(({ value }) => figure(value)).join(" · ")} ${unit}`,
          power(theirs),
        ];
      }),
    ),
  ];
}

/** What is furthest from its limit, what a peer does faster, and what a step's time goes to. */
function nextFactor({ rows, parts }: TimeMap): string[] {
  const far = rows
    .flatMap((row) => {
      const share = shareOfLimit(row);
      return share === undefined ? [] : [{ row, factor: 1 / share }];
    })
    .sort((a, b) => b.factor - a.factor);
  const behind = rows.filter((row) => (timesThePeer(row) ?? 1) < 1);
  const named = ({ group, job, size }: MapRow) =>
    `${titles[group] ?? group}: ${job}${size === "" ? "" : ` (${size})`}`;
  const reasons = new Map<string, string[]>();
  for (const row of rows)
    if (row.missing !== undefined)
      reasons.set(row.missing, [...(reasons.get(row.missing) ?? []), named(row)]);
  return [
    far.length === 0
      ? "No limit is known: the roofline was not measured."
      : "From the farthest to the nearest: how many times as fast each would be at its limit.",
    ...(far.length === 0
      ? []
      : [far.map(({ row, factor }) => `- ${factor.toFixed(1)}× ${named(row)}`).join("\n")]),
    behind.length === 0
      ? "No peer that was measured is faster."
      : `A peer is faster here:\n\n${behind
          .map((row) => `- ${named(row)}: ${(1 / timesThePeer(row)!).toFixed(2)}× by ${row.peer!.name}`)
          .join("\n")}`,
    ...Object.entries(parts).map(
      ([job, shares]) =>
        `${job} goes to: ${Object.entries(shares)
          .map(([kind, percent]) => `${kind} ${figure(percent)} %`)
          .join(", ")}.`,
    ),
    ...(reasons.size === 0
      ? []
      : [
          `What is missing, and why:\n\n${[...reasons].map(([why, names]) => `- ${why}: ${names.join("; ")}`).join("\n")}`,
        ]),
  ];
}

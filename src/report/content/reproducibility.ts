import {
  type Block,
  code,
  data,
  type Format,
  type Inline,
  paragraph,
  refer,
  section,
  type Table,
  type Text,
} from "../../paper";
import { computed, missingScore, type ReportContext } from "../context";
import { prose } from "../prose";
import { findings } from "./findings";
import { settings } from "./method";
import { effectTable } from "./results";

/** Packages whose versions decide results. */
const packages = [
  "node",
  "onnxruntime-node",
  "@tensorflow/tfjs",
  "@huggingface/transformers",
  "tslab",
  "typescript",
  "project",
];

/** How to get every number again. */
export function reproducibility(context: ReportContext): Block[] {
  const { problems } = context.found;
  return [
    section("Reproducibility", "sec:reproducibility"),
    paragraph(
      prose`${code("npm start")} runs all notebooks and ${code("npm run report")} makes this report from what they left; neither needs a
      network after installation. Every notebook writes a manifest with its parameters, seed, versions, and the checksums of what it read
      and left (Table ${refer("tab:manifests")}); every summary holds the settings and the seed of each variant and the checksum of
      its cases. Training draws the order of data and dropout from the seed and the number of the step, so that an interrupted run
      goes on to the same result.`,
    ),
    paragraph(
      prose`No number in this text was written by hand. Each is a reference to a value in a file; ${code("numbers.json")} beside the report
      lists them in order, each with the place where it is printed, its file, the file's SHA-256, the path to it in the file (a JSON
      Pointer) and the value. What had to be computed for the report, such as tests between variants, is in ${code("computed.json")}, with
      the seed that it was computed with. Table ${refer("tab:files")} names the files of results. The report was made on
      ${computed(context, ["machine", "cores"], "integer")} cores of ${computed(context, ["machine", "processor"], "text")} with
      ${computed(context, ["machine", "memoryGiB"], "integer")} GiB of memory (${computed(context, ["machine", "system"], "text")}); the versions are those of Table
      ${refer("tab:versions")}.`,
    ),
    ...(problems.length === 0
      ? []
      : [
          paragraph(prose`Some files could not be used, and what they hold is missing here:`),
          { type: "list", items: problems.map((problem): Text => [data(problem)]) } as const,
        ]),
  ];
}

/** What few read and everybody should be able to: settings, runs, tests, versions, files. */
export function appendix(context: ReportContext): Block[] {
  return [
    section("Appendix", "sec:appendix"),
    ...settings(context),
    ...effectTable(context),
    manifestTable(context),
    versionTable(context),
    fileTable(context),
  ];
}

function manifestTable({ found, sources }: ReportContext): Table {
  const cell = (file: string, path: readonly (string | number)[], format: Format): Inline => ({
    type: "value",
    value: sources.value(file, path, format),
  });
  const rows = found.manifests.map(({ file, manifest }): readonly Text[] => [
    [data(manifest.name)],
    [cell(file, ["profile"], "text")],
    [cell(file, ["seed"], "integer")],
    [cell(file, ["finished"], "day")],
    [cell(file, ["seconds"], "duration")],
  ]);
  return {
    type: "table",
    label: "tab:manifests",
    caption: prose`Runs of notebooks, from their manifests`,
    columns: [
      { title: ["notebook"], align: "left" },
      { title: ["profile"], align: "left" },
      { title: ["seed"], align: "right" },
      { title: ["finished"], align: "right" },
      { title: ["time"], align: "right" },
    ],
    groups: [rows.length > 0 ? rows : [[missingScore("there is no manifest"), [], [], [], []]]],
    wide: false,
  };
}

function versionTable({ found, sources }: ReportContext): Table {
  const last = [...found.manifests].sort((a, b) => (a.manifest.finished < b.manifest.finished ? 1 : -1))[0];
  const rows = packages.map((name): readonly Text[] => [
    [data(name)],
    last
      ? [{ type: "value", value: sources.value(last.file, ["versions", name], "text") }]
      : missingScore("there is no manifest"),
  ]);
  return {
    type: "table",
    label: "tab:versions",
    caption: prose`Versions, from the manifest that was written last`,
    columns: [
      { title: ["package"], align: "left" },
      { title: ["version"], align: "right" },
    ],
    groups: [rows],
    wide: false,
  };
}

function fileTable(context: ReportContext): Table {
  const rows = context.computed.files.map(({ file }, i): readonly Text[] => [
    [data(file)],
    [computed(context, ["files", i, "sha256"], "checksum")],
    [computed(context, ["files", i, "variants"], "integer")],
  ]);
  return {
    type: "table",
    label: "tab:files",
    caption: prose`Files of results: SHA-256 (beginning) and usable variants`,
    columns: [
      { title: ["file"], align: "left", width: 0.5 },
      { title: ["SHA-256"], align: "left" },
      { title: ["variants"], align: "right" },
    ],
    groups: [rows.length > 0 ? rows : [[missingScore("there is no summary"), [], []]]],
    wide: false,
  };
}

/** What can be said in the end, and what cannot. */
export function conclusion(context: ReportContext): Block[] {
  return [
    section("Conclusion"),
    paragraph(findings(context)),
    paragraph(
      prose`Limits are plain. The scores count words and know no meaning: a contradiction of a persona can cover it fully. One
      reference stands for all the conversations that two people might have. Answers are short beside the references, and the length
      bounds every score; hence the bounds beside every row. The profile ${code("quick")} uses a small model and few conversations, so that
      its intervals are wide; it shows that the machinery works, and the profile ${code("full")} is the one to draw conclusions from.`,
    ),
  ];
}

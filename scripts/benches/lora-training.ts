import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { median } from "simple-statistics";
import { DEFAULT_LORA } from "../../src/models/lora";
import { parseT5Config } from "../../src/models/t5";
import { type Bench, round, roundsOf } from "./bench";
import { NO_PEER, peerBlas, runPeer } from "./peer";
import { FLAN_T5_SMALL } from "./shapes/flan-t5-small";
import { t5Operations } from "./shapes/operations";

const root = join(__dirname, "../..");
const BATCH = 8;
const ROUNDS = roundsOf("LORA_TRAINING_ROUNDS");
const STEPS = 3;

interface PeerResult {
  step_s: number[];
  encoder_lengths: number[][];
  tokens_per_s: number;
  peak_rss_mib: number;
  other_cpus: number;
}

interface OwnResult {
  stepSeconds: number[];
  trained: number;
  peakRssMiB: number;
}

const cells = (["real", "padded"] as const).flatMap((lengths) =>
  (["lora", "lora_head", "lora_head_enc4"] as const).map((config) => ({ config, lengths })),
);

/** The cells to run, `lora real`, `lora_head padded`…, all unless the variable is set. */
const chosen = new RegExp(`^(${process.env["LORA_TRAINING_ROWS"] ?? ".*"})$`);

const bench: Bench = {
  description:
    "training steps of FLAN-T5 Small (random weights) with LoRA, batch 8, 96 labels, dropout on; beside PyTorch with --fast-dropout " +
    "and the fastest of its BLAS's kernels, alternating. The peer computes all positions of its batch, padded to 256 or to the " +
    "longest; here padding has no rows in either",
  async run(report) {
    const rows = [];
    for (const { config, lengths } of cells.filter(({ config, lengths }) =>
      chosen.test(`${config} ${lengths}`),
    )) {
      const weights = ["float32", "int8"] as const;
      const rounds = [];
      for (let round = 0; round < ROUNDS; round++) {
        report(`${config}, ${lengths} lengths, round ${round + 1} of ${ROUNDS}`);
        const theirs = peerSteps(config, lengths);
        const batches = theirs?.encoder_lengths.slice(-STEPS) ?? drawnLengths;
        const own = weights.map((frozenWeights) =>
          runOwn({ config, batches, padTo: lengths === "padded" ? 256 : 0, frozenWeights }),
        );
        rounds.push({ own, theirs, gflop: median(batches.map(gflopOf)) });
      }
      for (const [i, frozenWeights] of weights.entries()) {
        const compared = rounds.flatMap(({ own, theirs }) => (theirs ? [{ own: own[i]!, theirs }] : []));
        // Pairs of one round, so that a slow minute of the machine slows both.
        const ratios = compared.map(({ own, theirs }) => median(theirs.step_s) / median(own.stepSeconds));
        rows.push({
          config,
          lengths,
          frozenWeights,
          trained: rounds[0]!.own[i]!.trained,
          // Of real lengths: the limit of a step that computes no padding.
          ...(config === "lora" && { gflop: round(median(rounds.map(({ gflop }) => gflop))) }),
          stepSeconds: round(median(rounds.map(({ own }) => median(own[i]!.stepSeconds)))),
          peakRssMiB: Math.max(...rounds.map(({ own }) => own[i]!.peakRssMiB)),
          ...(compared.length > 0
            ? {
                peerStepSeconds: round(median(compared.map(({ theirs }) => median(theirs.step_s)))),
                peerPeakRssMiB: Math.max(...compared.map(({ theirs }) => theirs.peak_rss_mib)),
                timesThePeer: round(median(ratios)),
                timesThePeerByRound: ratios.map(round).join(" "),
                otherCpus: Math.max(...compared.map(({ theirs }) => theirs.other_cpus)),
              }
            : {}),
        });
      }
    }
    return {
      rows,
      peer: peerBlas() ?? NO_PEER,
    };
  },
};
export default bench;

/** Encoder lengths of a few batches, where no peer says which it ran: N(110, 25) once drawn. */
const drawnLengths = [
  [83, 135, 117, 72, 96, 151, 49, 99],
  [62, 137, 117, 100, 59, 80, 78, 144],
  [115, 115, 126, 128, 165, 122, 73, 93],
];

/** 10⁹ operations of a step with LoRA alone on rows of these encoder lengths. */
function gflopOf(encoderLengths: readonly number[]): number {
  const config = parseT5Config(FLAN_T5_SMALL);
  const ofRow = (encoder: number) =>
    t5Operations(config, { batch: 1, encoder, decoder: 96 }, { rank: DEFAULT_LORA.rank });
  return encoderLengths.reduce((sum, length) => sum + ofRow(length), 0) / 1e9;
}

function peerSteps(config: string, lengths: string): PeerResult | undefined {
  const work = ["--config", config, "--lengths", lengths, "--batch", BATCH];
  return runPeer(["train", ...work, "--steps", STEPS, "--warmup", 1, "--fast-dropout"]);
}

function runOwn(own: {
  config: string;
  batches: number[][];
  padTo: number;
  frozenWeights: "float32" | "int8";
}): OwnResult {
  const settings = JSON.stringify({ ...own, passes: 1 });
  const child = join(__dirname, "children/lora-steps.ts");
  return JSON.parse(
    execFileSync(process.execPath, ["--require", "tsx/cjs", child, settings], {
      cwd: root,
      encoding: "utf8",
    }),
  ) as OwnResult;
}

import { formatDuration } from "../../src/display";
import type { GivenWeights } from "./beginning";
import type { PretrainedRun, StoredModel } from "./write";

const grouped = (value: number) => value.toLocaleString("en-US");

/** The weights that a run went on from, and those that the run before it went on from. */
function begunWith(from: GivenWeights | undefined): string {
  if (!from) return "random weights";
  const weights = `the weights of \`${from.name}\`, a ${from.kind} (SHA-256 \`${from.sha256}\`)`;
  if (!from.run) return `${weights}, whose own training is not counted here`;
  const { steps, tokens, started } = from.run;
  return `${weights}, after ${grouped(steps)} steps of ${grouped(tokens)} tokens, started ${started.date} by the code of commit \`${started.commit}\`, which began with ${begunWith(started.from)}`;
}

/** The model card: every number in it is the run's. */
export function modelCard(run: PretrainedRun, stored: StoredModel): string {
  const { kind, model, material, from, log, options, threads } = run;
  const { card } = kind;
  const seconds = log.reduce((sum, row) => sum + row.seconds, 0);
  const tokens = log.reduce((sum, row) => sum + row.tokensPerSecond * row.seconds, 0);
  const evaluated = log.filter(({ evalLoss }) => evalLoss !== undefined);
  const byTask = Object.entries(stored.losses);
  const learnedFrom = run.files.filter(({ part }) => part === "train" || part === "new-persona");
  const learned = material.train.reduce((sum, document) => sum + document.tokens.length, 0);
  const rate =
    options.schedule === "linear"
      ? `peak learning rate ${options.learningRate} after ${options.warmupSteps} steps, then linearly to 0`
      : `learning rate ${options.learningRate} after ${options.warmupSteps} steps`;
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const table = [
    ["step", ...evaluated.map(({ step }) => step)],
    ["---", ...evaluated.map(() => "---")],
    [
      "loss on the dialogues kept out, nats a token",
      ...evaluated.map(({ evalLoss }) => evalLoss!.toFixed(3)),
    ],
  ];
  const curve = evaluated.length > 0 ? `${table.map(row).join("\n")}\n\n` : "";
  const command = [
    `npm run pretrain -- ${kind.name} --data FOLDER_WITH_SYNTHETIC_PERSONA_CHAT`,
    ...(from ? [`--from FOLDER_OF_${from.name.toUpperCase()}`] : []),
    `--steps ${log.length} --batch-size ${options.batchSize} --learning-rate ${options.learningRate}`,
    `--schedule ${options.schedule === "linear" ? "linear" : "constant"} --seed ${options.seed} --threads ${threads}`,
    ...(kind.name === "llama" ? [`--row-length ${material.rowLength}`] : []),
  ].join(" ");
  return `---
license: cc-by-4.0
language: en
---

# ${card.title}

${card.introduction}

| | |
| --- | --- |
| parameters | ${grouped(stored.parameters)}: ${card.sizes(model)} |
| weights | \`model.safetensors\`, half precision, ${grouped(stored.bytes)} bytes of tensors |
| SHA-256 | \`${stored.sha256}\` |
| tokenizer | the project's own, made for the embedded T5 |

## What it learned from

${grouped(material.train.length)} dialogues (${grouped(learned)} tokens) of Synthetic-Persona-Chat's training and new-persona conversations, and nothing of the
validation and test splits; ${grouped(material.validation.length)} further dialogues of the same files were kept out to measure the loss on.
${grouped(material.leftOut)} with a blank to be filled in, such as \`[name]\`, were left out.

> Pegah Jandaghi, XiangHai Sheng, Xinyi Bai, Jay Pujara, Hakim Sidahmed: *Faithful Persona-based Conversational Dataset Generation with
> Large Language Models*, 2023. [arXiv:2312.10007](https://arxiv.org/abs/2312.10007). Data licence
> [CC-BY-4.0](https://creativecommons.org/licenses/by/4.0/).

The weights are given under the same licence.

| file | SHA-256 |
| --- | --- |
${learnedFrom.map(({ part, sha256 }) => `| ${part} | \`${sha256}\` |`).join("\n")}

${card.tasks(material)}

## How

| | |
| --- | --- |
| began with | ${begunWith(from)} |
| steps | ${grouped(log.length)} of ${options.batchSize * options.gradientAccumulationSteps} rows, ${grouped(Math.round(tokens))} tokens in all |
| optimizer | AdamW, ${rate}; weight decay ${options.weightDecay}, gradient norm cut to ${options.maxGradNorm}, no dropout |
| seed | ${options.seed} |
| started | ${run.started.date}, by the code of commit \`${run.started.commit}\` |
| machine | ${stored.machine}, ${threads} ${threads === 1 ? "thread" : "threads"}, no GPU |
| time | ${formatDuration(seconds)} (other work ran beside it) |

![Loss](loss.svg)

${curve}The stored weights, in half precision, have a loss of ${stored.loss.toFixed(4)} there. By task:

| ${byTask.map(([task]) => task).join(" | ")} |
| ${byTask.map(() => "---").join(" | ")} |
| ${byTask.map(([, loss]) => loss.toFixed(3)).join(" | ")} |

    ${command}

does it again and goes on after an interruption. The same code on the same machine gives the same weights bit for bit, which a
shorter \`--steps\` shows in minutes; other code may add in another order and round differently.

## What it can do, and what not

${card.abilities}
`;
}

import { formatDuration } from "../../src/display";
import type { PretrainedRun, StoredModel } from "./base-model";

const grouped = (value: number) => value.toLocaleString("en-US");

/** The model card: every number in it is the run's. */
export function modelCard(run: PretrainedRun, stored: StoredModel): string {
  const { config, lengths, log, dialogues } = run;
  const seconds = log.reduce((sum, row) => sum + row.seconds, 0);
  const tokens = log.reduce((sum, row) => sum + row.tokensPerSecond * row.seconds, 0);
  const evaluated = log.filter(({ evalLoss }) => evalLoss !== undefined);
  const byTask = Object.entries(stored.losses);
  const learnedFrom = run.files.filter(({ part }) => part === "train" || part === "new-persona");
  return `---
license: cc-by-4.0
language: en
---

# The embedded base model

A small T5 v1.1 that was pretrained for this project, from random weights, with the project's own trainer. It stands in for
FLAN-T5 Small where that cannot be had, so that all notebooks run at once and offline. **It is not FLAN-T5**: it has never
seen an instruction, and it knows no other texts than the dialogues below.

| | |
| --- | --- |
| parameters | ${grouped(stored.parameters)}: ${config.numLayers} encoder and ${config.numDecoderLayers} decoder blocks, width ${config.dModel}, ${config.numHeads} heads of ${config.dKv}, gated GELU of ${config.dFf}, ${grouped(config.vocabSize)} tokens, lm_head of its own |
| weights | \`model.safetensors\`, half precision, ${grouped(stored.bytes)} bytes of tensors |
| SHA-256 | \`${stored.sha256}\` |
| tokenizer | made for it, see [TOKENIZER.md](TOKENIZER.md) |

## What it learned from

${grouped(dialogues.learned)} dialogues (${grouped(dialogues.tokens)} tokens) of Synthetic-Persona-Chat's training and new-persona conversations, turns only.
No persona was shown, and nothing of the validation and test splits; ${grouped(dialogues.heldOut)} further dialogues of the same files were kept
out to measure the loss on.

> Pegah Jandaghi, XiangHai Sheng, Xinyi Bai, Jay Pujara, Hakim Sidahmed: *Faithful Persona-based Conversational Dataset Generation with
> Large Language Models*, 2023. [arXiv:2312.10007](https://arxiv.org/abs/2312.10007). Data licence
> [CC-BY-4.0](https://creativecommons.org/licenses/by/4.0/).

The weights are given under the same licence.

| file | SHA-256 |
| --- | --- |
${learnedFrom.map(({ part, sha256 }) => `| ${part} | \`${sha256}\` |`).join("\n")}

**Tasks.** The first ${grouped(run.copySteps)} steps ask for nothing but copying. Then each example has one of four tasks, each as likely: the continuation of a dialogue from one of its turns on; span corruption (15
to 50 % of the tokens, spans of 3 to 8 on average); whole-text denoising, where the same sentinel stands for every gap and the target
is the whole text; sentence permutation, where the input has some of the sentences in any order and the target is the whole text.
Inputs have up to ${lengths.input} tokens, targets up to ${lengths.target}. That a dialogue belongs to personas is what fine-tuning has to teach.

## How

| | |
| --- | --- |
| steps | ${grouped(run.steps)} of ${run.batchSize} examples, ${grouped(Math.round(tokens))} tokens in all |
| optimizer | AdamW, peak learning rate ${run.learningRate} after ${run.warmupSteps} steps, then linearly to 0; weight decay 0.01, gradient norm cut to 1, no dropout |
| seed | ${run.seed} |
| started | ${run.started.date}, by the code of commit \`${run.started.commit}\` |
| machine | ${stored.machine}, ${run.threads} ${run.threads === 1 ? "thread" : "threads"}, no GPU |
| time | ${formatDuration(seconds)} (other work ran beside it) |

![Loss](loss.svg)

| step | ${evaluated.map(({ step }) => step).join(" | ")} |
| --- | ${evaluated.map(() => "---").join(" | ")} |
| loss on the dialogues kept out, nats a token | ${evaluated.map(({ evalLoss }) => evalLoss!.toFixed(3)).join(" | ")} |

The stored weights, in half precision, have a loss of ${stored.loss.toFixed(4)} there. By task:

| ${byTask.map(([task]) => task).join(" | ")} |
| ${byTask.map(() => "---").join(" | ")} |
| ${byTask.map(([, loss]) => loss.toFixed(3)).join(" | ")} |

    node scripts/tsx.mjs scripts/pretrain.ts --data FOLDER_WITH_SYNTHETIC_PERSONA_CHAT --steps ${run.steps} --threads ${run.threads}

does it again and goes on after an interruption. The same code on the same machine gives the same weights bit for bit, which a
shorter \`--steps\` shows in minutes; other code may add in another order and round differently.

## What it can do, and what not

It writes English small talk between "User 1" and "User 2", often grammatical, and it copies: given sentences in any order it
makes a dialogue in which many of them are said, word for word; names come back, with luck spelled right. It does not know whose fact is
whose, contradicts itself, invents facts, repeats itself under greedy search, and knows nothing about the world. It is there to
show what adapters, unfreezing and retrieval do, not to talk with people. What the data's authors say about biases of generated
personas holds for it as well.
`;
}

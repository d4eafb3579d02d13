import { join } from "node:path";
import type { TokenUsage } from "../chat-api";
import type { Dialogue } from "../corpus";
import { sha256 } from "../io";
import { Random } from "../random";
import type { Critic } from "./critics";
import { type Facts, writtenTurns } from "./dialogues";
import { bestByVotes, compareAll, type Expert, type Votes } from "./experts";
import type { Generator } from "./generator";
import { Steps } from "./steps";

/** A dialogue that was made for a pair, and what the critics say. */
export interface Candidate {
  /** Its id names iteration, pair and candidate. */
  readonly dialogue: Dialogue;
  readonly usage: TokenUsage;
  /** Why critics drop it, by critic; none drops one that may be kept. */
  readonly reasons: Readonly<Record<string, string>>;
}

/** What was made for a pair in an iteration. */
export interface PairResult {
  readonly candidates: readonly Candidate[];
  /** What the experts say of every two that have the form of a dialogue. */
  readonly votes: readonly Votes[];
  /** The candidate that joins the pool; null where none was left. */
  readonly kept: number | null;
}

/** An iteration of making dialogues. */
export interface Iteration {
  readonly iteration: number;
  /** Dialogues that the generator learned from, and how many of them were made in iterations before. */
  readonly learned: { readonly dialogues: number; readonly made: number };
  readonly pairs: readonly PairResult[];
  /** Of learning, writing and judging. */
  readonly seconds: { readonly learning: number; readonly writing: number; readonly judging: number };
}

export interface MakeOptions {
  /** Where steps are kept; the same call goes on where one was killed. */
  readonly directory: string;
  readonly seed: number;
  readonly iterations: number;
  /** Dialogues written for a pair in an iteration. */
  readonly candidates: number;
  /** Dialogues of the pool that the generator learns from in an iteration. */
  readonly learnFrom: number;
  readonly pairs: readonly Facts[];
  /** The pool at first: real dialogues. */
  readonly seeds: readonly Dialogue[];
  readonly generator: Generator;
  /** In order: a dialogue is rejected by the first that drops it. The first one says whether it is a dialogue at all. */
  readonly critics: readonly Critic[];
  readonly experts: readonly Expert[];
  /** Told when an iteration is done. */
  readonly onIteration?: (iteration: Iteration) => void;
  /** Ends it before the next step. */
  readonly signal?: AbortSignal;
}

/** That it was told to stop. What is done is kept: the same call goes on from there. */
export class MakingInterrupted extends Error {}

/**
 * Makes dialogues as Synthetic-Persona-Chat was made: in each iteration the generator learns from a part of the pool and writes
 * candidates for every pair; critics drop some; of what is left the one that most experts prefer in pairwise votes is kept and joins
 * the pool. Each step is kept on disk, so that a run that was killed at any moment goes on, and ends with the same dialogues.
 *
 * @throws {MakingInterrupted} if `signal` ended it
 */
export async function makeDialogues(options: MakeOptions): Promise<Iteration[]> {
  const { directory, seed, iterations, candidates, pairs, seeds, generator, critics, experts } = options;
  if (pairs.length === 0) throw new RangeError("no pairs to make dialogues of");
  if (seeds.length === 0) throw new RangeError("no dialogues to learn from at first");
  const steps = new Steps(directory);
  const done: Iteration[] = [];
  const judges = [critics, experts].map((all) => all.map(({ name, fingerprint }) => ({ name, fingerprint })));
  for (let iteration = 1; iteration <= iterations; iteration++) {
    const made = done.flatMap(keptIn);
    const random = new Random(seed).fork(iteration);
    // What was made comes first: half of what is learned from, if there is so much.
    const own = random.shuffle(made).slice(0, options.learnFrom >> 1);
    const pool = [...own, ...random.shuffle(seeds).slice(0, options.learnFrom - own.length)];
    goOn();
    const learning = await generator.learn(pool, iteration, join(directory, "learned"));
    goOn();
    const drawing = seed * 1000 + iteration;
    const given = {
      generator: generator.fingerprint,
      pool: sha256(JSON.stringify(pool)),
      pairs,
      candidates,
      drawing,
    };
    const written = await steps.step(`${iteration}-written`, given, () =>
      generator.write(pairs, candidates, drawing),
    );
    goOn();
    const judged = await steps.step(`${iteration}-judged`, { written: written.value, judges }, async () => {
      const results: PairResult[] = [];
      for (const [pair, texts] of written.value.entries()) {
        const dialogues = texts.map(({ text, isCut }, i): Dialogue => ({
          id: `iteration-${iteration}-pair-${pair + 1}-candidate-${i + 1}`,
          personas: [{ facts: pairs[pair]![0] }, { facts: pairs[pair]![1] }],
          turns: writtenTurns(text, isCut),
        }));
        const reasons = dialogues.map((): Record<string, string> => ({}));
        for (const critic of critics)
          (await critic.judge(dialogues)).forEach((reason, i) => {
            if (reason !== undefined) reasons[i]![critic.name] = reason;
          });
        const form = critics[0]?.name ?? "";
        const formed = dialogues.flatMap((_, i) => (form in reasons[i]! ? [] : [i]));
        const votes = (
          await compareAll(
            formed.map((i) => dialogues[i]!),
            experts,
          )
        ).map((one) => ({
          ...one,
          first: formed[one.first]!,
          second: formed[one.second]!,
        }));
        const all = dialogues.map((dialogue, i) => ({
          dialogue,
          usage: texts[i]!.usage,
          reasons: reasons[i]!,
        }));
        results.push({ candidates: all, votes, kept: chooseAgain({ candidates: all, votes }) ?? null });
      }
      return results;
    });
    const one = {
      iteration,
      learned: { dialogues: pool.length, made: own.length },
      pairs: judged.value,
      seconds: { learning, writing: written.seconds, judging: judged.seconds },
    };
    done.push(one);
    options.onIteration?.(one);
  }
  return done;

  function goOn(): void {
    if (options.signal?.aborted)
      throw new MakingInterrupted(
        "making dialogues was stopped; what is done is kept, and the same call goes on",
      );
  }
}

/** What is left out when candidates are chosen again. */
export interface LeftOut {
  readonly critics?: readonly string[];
  readonly experts?: readonly string[];
}

/** The candidate that is chosen where some critics and experts have no say; undefined where all are dropped. */
export function chooseAgain(
  { candidates, votes }: Pick<PairResult, "candidates" | "votes">,
  { critics = [], experts = [] }: LeftOut = {},
): number | undefined {
  const left = [...candidates.keys()].filter((i) =>
    Object.keys(candidates[i]!.reasons).every((critic) => critics.includes(critic)),
  );
  return bestByVotes(left, votes, (expert) => !experts.includes(expert));
}

/** Choices that an ablation compares: all critics and experts, without each of them, and without all. */
export function leftOutInTurn(
  critics: readonly Pick<Critic, "name">[],
  experts: readonly Pick<Expert, "name">[],
): (LeftOut & { readonly choice: string })[] {
  const [allCritics, allExperts] = [critics.map(({ name }) => name), experts.map(({ name }) => name)];
  return [
    { choice: "all of them" },
    ...allCritics.slice(1).map((name) => ({ choice: `without ${name}`, critics: [name] })),
    ...allExperts.map((name) => ({ choice: `without the expert on ${name}`, experts: [name] })),
    { choice: "without experts", experts: allExperts },
    { choice: "without critics and experts", critics: allCritics, experts: allExperts },
  ];
}

/** The dialogues of one stored pool that are chosen where some have no say, and the share of pairs in which that is the same choice. */
export function ablate(
  iterations: readonly Iteration[],
  leftOut: LeftOut,
): { readonly dialogues: readonly Dialogue[]; readonly same: number } {
  const stored = iterations.flatMap(({ pairs }) => pairs);
  const again = stored.map((one) => ({ ...one, chosen: chooseAgain(one, leftOut) ?? null }));
  return {
    dialogues: again
      .flatMap(({ candidates, chosen }) => (chosen === null ? [] : [candidates[chosen]!.dialogue]))
      .filter(({ turns }) => turns.length > 0),
    same: again.filter(({ chosen, kept }) => chosen === kept).length / Math.max(1, stored.length),
  };
}

/** The dialogues that an iteration added to the pool. */
export function keptIn({ pairs }: Iteration): Dialogue[] {
  return pairs.flatMap(({ candidates, kept }) => (kept === null ? [] : [candidates[kept]!.dialogue]));
}

/** Of each pair the dialogue that was kept last: what the study makes. */
export function madeIn(iterations: readonly Iteration[]): Dialogue[] {
  const count = iterations[0]?.pairs.length ?? 0;
  return Array.from({ length: count }, (_, pair) => pair).flatMap((pair) =>
    iterations
      .flatMap(({ pairs }) => {
        const { candidates, kept } = pairs[pair]!;
        return kept === null ? [] : [candidates[kept]!.dialogue];
      })
      .slice(-1),
  );
}

/** A candidate that was not kept. */
export interface RejectedCandidate {
  readonly id: string;
  /** The first critic that drops it, or `experts` where others are preferred. */
  readonly critic: string;
  readonly reason: string;
  readonly dialogue: Dialogue;
}

/** Every candidate that was not kept, with who rejected it and why. */
export function rejectedIn(
  iterations: readonly Iteration[],
  critics: readonly Pick<Critic, "name">[],
): RejectedCandidate[] {
  return iterations.flatMap(({ pairs }) =>
    pairs.flatMap(({ candidates, kept }) =>
      candidates.flatMap(({ dialogue, reasons }, i): RejectedCandidate[] => {
        if (i === kept) return [];
        const critic = critics.find(({ name }) => name in reasons)?.name ?? "experts";
        const reason = reasons[critic] ?? `they prefer ${candidates[kept!]!.dialogue.id}`;
        return [{ id: dialogue.id, critic, reason, dialogue }];
      }),
    ),
  );
}

/** What the iterations took for each dialogue that they kept. */
export function costOf(iterations: readonly Iteration[]) {
  return iterations.map((one) => {
    const all = one.pairs.flatMap(({ candidates }) => candidates);
    const kept = keptIn(one).length;
    const { learning, writing, judging } = one.seconds;
    const tokens = (name: keyof TokenUsage) => all.reduce((sum, { usage }) => sum + usage[name], 0);
    const each = (value: number) => (kept === 0 ? null : value / kept);
    return {
      iteration: one.iteration,
      candidates: all.length,
      kept,
      "tokens read a kept one": each(tokens("promptTokens")),
      "tokens written a kept one": each(tokens("completionTokens")),
      "seconds learning": learning,
      "seconds a kept one": each(writing + judging),
    };
  });
}

import type { Dialogue, Turn } from "../corpus";
import { followUpScores, type FollowUps, type Likelihood, perToken } from "../likelihood";
import { type BootstrapOptions, bootstrapMean, distinctN, type Interval, ownedFacts, says } from "../metrics";
import type { ChatMessage } from "../models";
import { personaInstruction } from "../prompts";
import { Random } from "../random";
import { negation } from "./contradicts";
import { factsOfBoth } from "./dialogues";
import type { Expert } from "./experts";

/** What the one who answers is asked before a fact. */
const ASKED = "Tell me about yourself.";

/** What was said, as a chat in which `speaker` is the assistant; a talk that they begin is opened with a greeting. */
function asChat(turns: readonly Turn[], speaker: 1 | 2): ChatMessage[] {
  const messages: { role: "user" | "assistant"; content: string }[] = [];
  for (const turn of turns) {
    const role = turn.speaker === speaker ? "assistant" : "user";
    const last = messages.at(-1);
    if (last?.role === role) last.content += ` ${turn.text}`;
    else messages.push({ role, content: turn.text });
  }
  return messages[0]?.role === "assistant" ? [{ role: "user", content: "Hello!" }, ...messages] : messages;
}

/** A chat with a last question of the user. */
function thenAsked(messages: readonly ChatMessage[]): ChatMessage[] {
  const last = messages.at(-1);
  return last?.role === "user"
    ? [...messages.slice(0, -1), { role: "user", content: `${last.content} ${ASKED}` }]
    : [...messages, { role: "user", content: ASKED }];
}

/**
 * How much likelier a dialogue makes each fact of a speaker, in nats a token:
 *
 *     gain(π) = ℓ(π | D, asked) − ℓ(π | asked)
 *
 * with ℓ the mean log-probability of the fact's tokens as the speaker's answer to "Tell me about yourself." A faithful dialogue has
 * P(π|D) ≥ P(π), a gain of 0 or more, for each fact of its two. It is as good as the model is.
 */
export async function factGains(
  likelihood: Likelihood,
  { turns }: Dialogue,
  speaker: 1 | 2,
  facts: readonly string[],
): Promise<number[]> {
  if (facts.length === 0) return [];
  const after = thenAsked(asChat(turns, speaker));
  const before = [{ role: "user" as const, content: ASKED }];
  const [given, alone] = [
    await likelihood.logprobs(facts.map((answer) => ({ before: after, answer }))),
    await likelihood.logprobs(facts.map((answer) => ({ before, answer }))),
  ];
  return facts.map((_, i) => perToken(given[i]!) - perToken(alone[i]!));
}

/** Facts of which a person is asked whether a speaker has them. */
export interface Options {
  readonly texts: readonly string[];
  /** How many of the first are the speaker's. */
  readonly own: number;
}

/**
 * Four facts of a speaker with four distractors, as the paper's annotators had them: two that are the opposite of the speaker's own
 * (where rules know it), the others drawn from those of other dialogues.
 */
export function withDistractors(
  dialogue: Dialogue,
  speaker: 1 | 2,
  others: readonly string[],
  random: Random,
): Options {
  const facts = dialogue.personas[speaker - 1]!.facts;
  const own = random.shuffle(facts).slice(0, 4);
  const negated = own.flatMap((fact) => negation(fact) ?? []).slice(0, 2);
  const known = new Set(factsOfBoth(dialogue).flat());
  const strangers = random.shuffle(others.filter((fact) => !known.has(fact)));
  return { texts: [...own, ...negated, ...strangers.slice(0, own.length - negated.length)], own: own.length };
}

/** How faithful dialogues are, each number with its interval over dialogues. */
export interface Faithfulness {
  readonly dialogues: number;
  /** Of eight facts, four of them the speaker's: the share of those that the dialogue makes likelier that are theirs. */
  readonly precision: Interval;
  /** The share of theirs that the dialogue makes likelier. */
  readonly recall: Interval;
}

/** {@link factGains} of each speaker's facts and distractors. The model that measures is not among the critics that choose. */
export async function measureFaithfulness(
  likelihood: Likelihood,
  dialogues: readonly Dialogue[],
  others: readonly string[],
  { seed = 13, ...bootstrap }: BootstrapOptions = {},
): Promise<Faithfulness> {
  const cases: { precision: number; recall: number }[] = [];
  for (const [i, dialogue] of dialogues.entries()) {
    let [taken, takenOwn, own] = [0, 0, 0];
    for (const speaker of [1, 2] as const) {
      const options = withDistractors(dialogue, speaker, others, new Random(seed).fork(2 * i + speaker));
      const gains = await factGains(likelihood, dialogue, speaker, options.texts);
      taken += gains.filter((gain) => gain >= 0).length;
      takenOwn += gains.filter((gain, at) => gain >= 0 && at < options.own).length;
      own += options.own;
    }
    cases.push({
      precision: taken === 0 ? 0 : takenOwn / taken,
      recall: own === 0 ? 0 : takenOwn / own,
    });
  }
  const interval = (name: keyof (typeof cases)[number]) =>
    bootstrapMean(
      cases.map((one) => one[name]),
      { seed, ...bootstrap },
    );
  return {
    dialogues: dialogues.length,
    precision: interval("precision"),
    recall: interval("recall"),
  };
}

/** What word rules, which do not choose, say of a dialogue's facts: shares of all of them. */
export function wordFaithfulness(dialogue: Dialogue) {
  const facts = factsOfBoth(dialogue);
  const all = facts.flat().length;
  const { said, owned } = ownedFacts(dialogue.turns, facts);
  const anyone = facts.flat().filter((fact) => says(dialogue.turns, fact)).length;
  return {
    said: all === 0 ? 0 : anyone / all,
    owned: all === 0 ? 0 : owned / all,
    swapped: all === 0 ? 0 : (said - owned) / all,
  };
}

/** What is reported of dialogues by iteration: word rules and spread, each with an interval over dialogues. */
export function qualityOf(dialogues: readonly Dialogue[], options: BootstrapOptions = {}) {
  const by = dialogues.map((dialogue) => ({
    "facts said": wordFaithfulness(dialogue).said,
    "facts said by their own speaker": wordFaithfulness(dialogue).owned,
    "distinct pairs of words": distinctN(
      dialogue.turns.map(({ text }) => text),
      2,
    ),
    "words a turn":
      dialogue.turns.reduce((sum, { text }) => sum + text.split(/\s+/).length, 0) / dialogue.turns.length,
  }));
  const names = [
    "facts said",
    "facts said by their own speaker",
    "distinct pairs of words",
    "words a turn",
  ] as const;
  return names.map((name) => ({
    quality: name,
    ...bootstrapMean(
      by.map((one) => one[name]),
      options,
    ),
  }));
}

/** Turns beside the right one among which it is looked for. */
const STRANGERS = 4;

/**
 * Whether a model finds the turn that follows among four of other dialogues (hit@1): the one with the greatest mean log-probability a
 * token, with the speaker's persona before the talk and without. One turn of each dialogue is asked, drawn from its third on.
 */
export async function nextTurns(
  likelihood: Likelihood,
  dialogues: readonly Dialogue[],
  strangers: readonly string[],
  seed: number,
): Promise<{ readonly withPersona: number[]; readonly without: number[] }> {
  const withPersona: number[] = [];
  const without: number[] = [];
  for (const [i, { turns, personas }] of dialogues.entries()) {
    if (turns.length < 3) continue;
    const random = new Random(seed).fork(i);
    const at = 2 + random.integer(turns.length - 2);
    const { speaker, text } = turns[at]!;
    const before = asChat(turns.slice(0, at), speaker);
    const said = new Set(turns.map((turn) => turn.text));
    const others = random.shuffle(strangers.filter((other) => !said.has(other))).slice(0, STRANGERS);
    const answers = [text, ...others];
    const system = { role: "system" as const, content: personaInstruction(personas[speaker - 1]!) };
    for (const [hits, told] of [
      [withPersona, [system, ...before]],
      [without, before],
    ] as const) {
      const scores = (await likelihood.logprobs(answers.map((answer) => ({ before: told, answer })))).map(
        perToken,
      );
      hits.push(scores.every((score, other) => other === 0 || score < scores[0]!) ? 1 : 0);
    }
  }
  return { withPersona, without };
}

/** FED-like scores of whole dialogues by quality: what one might say after their last turn. Their weakness stands with `followUpScores`. */
export async function followUps(
  likelihood: Likelihood,
  dialogues: readonly Dialogue[],
  lists: readonly FollowUps[],
): Promise<Record<string, number>[]> {
  const scores: Record<string, number>[] = [];
  for (const { turns } of dialogues) {
    const last = turns.at(-1)!;
    const before = asChat(turns.slice(0, -1), last.speaker);
    scores.push(await followUpScores(likelihood, { before, answer: last.text }, lists));
  }
  return scores;
}

export interface MeasureOptions extends BootstrapOptions {
  readonly seed: number;
  /** Facts of others, for distractors. */
  readonly facts: readonly string[];
  /** Turns of others, among which the next one is looked for. */
  readonly turns: readonly string[];
  readonly followUps: readonly FollowUps[];
}

/**
 * What a model that did not choose says of dialogues: {@link measureFaithfulness}, {@link nextTurns} and {@link followUps}, a row each
 * with its interval over dialogues.
 */
export async function measureDialogues(
  likelihood: Likelihood,
  dialogues: readonly Dialogue[],
  { facts, turns, followUps: lists, seed, ...bootstrap }: MeasureOptions,
): Promise<({ readonly measure: string } & Interval)[]> {
  const intervals = { seed, ...bootstrap };
  const { precision, recall } = await measureFaithfulness(likelihood, dialogues, facts, intervals);
  const { withPersona, without } = await nextTurns(likelihood, dialogues, turns, seed);
  const fed = await followUps(likelihood, dialogues, lists);
  return [
    { measure: "precision of facts", ...precision },
    { measure: "recall of facts", ...recall },
    { measure: "hit@1 with persona", ...bootstrapMean(withPersona, intervals) },
    { measure: "hit@1 without", ...bootstrapMean(without, intervals) },
    ...lists.map(({ name }) => ({
      measure: `FED-like: ${name}`,
      ...bootstrapMean(
        fed.map((one) => one[name]!),
        intervals,
      ),
    })),
  ];
}

/** How a dialogue fares against another one: by the majority of votes. */
export async function majority(
  a: Dialogue,
  b: Dialogue,
  experts: readonly Expert[],
): Promise<"win" | "tie" | "lose"> {
  let balance = 0;
  for (const expert of experts) {
    const vote = await expert.vote(a, b);
    balance += vote === "first" ? 1 : vote === "second" ? -1 : 0;
  }
  return balance > 0 ? "win" : balance < 0 ? "lose" : "tie";
}

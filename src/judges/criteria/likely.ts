import { personaInstruction } from "../../prompts";
import { type Likelihood, NoLikelihood, perToken, type SaidAfter } from "../../likelihood";
import type { Judge, JudgeCase, Verdict } from "../case";
import { criterion } from "./criterion";

export interface LikelyOptions {
  /**
   * How many of the last turns the model reads.
   * @default 8
   */
  readonly turns?: number;
  /**
   * The perplexity that is good enough: below it, fluency gains nothing.
   * @default 50
   */
  readonly enough?: number;
}

/** Log-probabilities of an answer, in nats a token: by who says it and what was said, and by what was said alone. */
interface Likely {
  readonly known?: number;
  readonly unknown: number;
}

/**
 * What a causal model's likelihoods say of an answer. Both criteria share what the model computes. Write ℓ(y | x) for
 * 1/|y| Σ log p(y_t | x, y_<t), in nats a token, over the answer and the token that ends it.
 *
 * *fit*, −1…1, how much likelier the persona makes the answer:
 *
 *     fit = tanh(ℓ(answer | persona, history) − ℓ(answer | history))
 *
 * What is likely anyhow cancels, so that it does not favour the short and common. Its weakness: it sees that the answer has to do with
 * the persona, not that it agrees with it: a contradiction, which has the words of what it contradicts, gains too, and what is
 * recited gains most. The model has to have learned from dialogues in which people are as their personas say.
 *
 * *fluency*, 0–1, whether the answer is one that people could give here:
 *
 *     fluency = min(1, enough / exp(−ℓ(answer | history)))
 *
 * which is 1 from a perplexity of `enough` down, so that being still likelier earns nothing. Its weakness: see the scorer `fluency`.
 */
export function likely(
  likelihood: Likelihood,
  { turns = 8, enough = 50 }: LikelyOptions = {},
): { readonly fit: Judge; readonly fluency: Judge } {
  const found = new WeakMap<JudgeCase, Promise<Likely>>();
  const look = (one: JudgeCase): Promise<Likely> => {
    const known = found.get(one) ?? measure(likelihood, one, turns);
    found.set(one, known);
    return known;
  };
  const judged =
    (verdict: (likely: Likely) => Verdict) =>
    async (one: JudgeCase): Promise<Verdict> => {
      try {
        return verdict(await look(one));
      } catch (error) {
        if (error instanceof NoLikelihood) return { unscorable: error.message };
        throw error;
      }
    };
  return {
    fit: criterion({
      ...{ name: "fit", scale: [-1, 1], needs: ["persona", "history"] },
      fingerprint: { likelihood: likelihood.fingerprint, turns },
      judge: judged(({ known, unknown }) => {
        const gain = known! - unknown;
        return {
          score: Math.tanh(gain),
          reason: `the persona makes it ${signed(gain)} nats a token likelier`,
        };
      }),
    }),
    fluency: criterion({
      ...{ name: "fluency", scale: [0, 1], needs: ["history"] },
      fingerprint: { likelihood: likelihood.fingerprint, turns, enough },
      judge: judged(({ unknown }) => ({
        score: Math.min(1, enough * Math.exp(unknown)),
        reason: `its perplexity is ${Math.exp(-unknown).toFixed(1)}`,
      })),
    }),
  };
}

const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

async function measure(likelihood: Likelihood, one: JudgeCase, turns: number): Promise<Likely> {
  const before = lastTurns(one, turns);
  const { persona, answer } = one;
  const unknown: SaidAfter = { before, answer };
  if ((persona?.facts.length ?? 0) === 0)
    return { unknown: perToken((await likelihood.logprobs([unknown]))[0]!) };
  const system = { role: "system", content: personaInstruction(persona!) };
  const both = await likelihood.logprobs([{ before: [system, ...before], answer }, unknown]);
  return { known: perToken(both[0]!), unknown: perToken(both[1]!) };
}

/** The last turns as a chat has them: the other one is the user, who begins and speaks last; turns of one in a row are one. */
function lastTurns({ history }: JudgeCase, turns: number): SaidAfter["before"] {
  const said: { role: "user" | "assistant"; content: string }[] = [];
  for (const { by, text } of history.slice(-turns)) {
    const role = by === "self" ? "assistant" : "user";
    const last = said.at(-1);
    if (text.trim() === "" || (!last && role === "assistant")) continue;
    if (last?.role === role) last.content += ` ${text.trim()}`;
    else said.push({ role, content: text.trim() });
  }
  if (said.at(-1)?.role !== "user")
    throw new NoLikelihood("likelihoods are of answers to the other one, who has not spoken last");
  return said;
}

import type { Dialogue } from "../corpus";

/** Marks what follows as the persona of User 1, of User 2, or as retrieved text. */
export const promptTags = { user: "<USER>", system: "<SYSTEM>", knowledge: "<EXTERNAL KNOWLEDGE>" } as const;

/** Says which task this is, as T5's prefixes do. */
export const taskPrefix = "persona-dialogue:";

/**
 * How the parts of a prompt are put together:
 *
 *     plain     persona 1 persona 2 snippets
 *     tags      <USER> persona 1 <SYSTEM> persona 2 <EXTERNAL KNOWLEDGE> snippets
 *     template  persona-dialogue: <USER> persona 1 <SYSTEM> persona 2 <EXTERNAL KNOWLEDGE> snippets
 */
export const promptVariants = ["plain", "tags", "template"] as const;
export type PromptVariant = (typeof promptVariants)[number];

export interface PromptOptions {
  /**
   * Retrieved texts, the best first. The tag `<EXTERNAL KNOWLEDGE>` is there only if a word of them is.
   * @default none
   */
  snippets?: readonly string[];
  /** @default "template" */
  variant?: PromptVariant;
  /** The most tokens that the prompt may have, and how they are counted; both or neither. */
  budget?: TokenBudget;
}

export interface TokenBudget {
  maxTokens: number;
  /** Tokens of a whole prompt, its end-of-sequence token included: `(text) => tokenizer.encode(text).length`. */
  countTokens: (text: string) => number;
}

export interface Prompt {
  text: string;
  /** What the budget left out; all zero where everything fits. */
  cut: {
    /** Words of the snippets, and how many snippets lost words. */
    snippetWords: number;
    snippets: number;
    /** Words of the two personas. */
    personaWords: number;
  };
}

/**
 * The model's input for two personas and retrieved snippets.
 *
 * What does not fit `budget` is cut at word boundaries, never inside a tag: first the snippets, from the end of the
 * last; only when none is left the personas, from their ends, so that both keep at most the same number of words.
 * Tags and other special tokens inside the given texts lose their angle brackets.
 *
 * @throws {RangeError} if not even the prefix and the tags fit
 */
export function buildPrompt(source: Pick<Dialogue, "personas">, options: PromptOptions = {}): Prompt {
  const { variant = "template", budget } = options;
  const personas = source.personas.map(({ facts }) => words(facts.join(" "))) as [string[], string[]];
  const snippets = (options.snippets ?? []).map(words);
  const snippetWords = snippets.flat();
  const longest = Math.max(...personas.map((persona) => persona.length));
  const assemble = (perPersona: number, ofSnippets: number) =>
    join(
      variant,
      personas.map((persona) => persona.slice(0, perPersona)),
      snippetWords.slice(0, ofSnippets),
    );

  let [perPersona, ofSnippets] = [longest, snippetWords.length];
  if (budget) {
    const fits = (text: string) => budget.countTokens(text) <= budget.maxTokens;
    perPersona = largest(longest, (count) => fits(assemble(count, 0)));
    if (perPersona < longest) ofSnippets = 0;
    else if (ofSnippets > 0)
      ofSnippets = largest(snippetWords.length, (count) => fits(assemble(longest, count)));
    if (perPersona < 0) {
      const bare = JSON.stringify(assemble(0, 0));
      throw new RangeError(`${budget.maxTokens} tokens are too few for an empty prompt, ${bare}`);
    }
  }
  ofSnippets = Math.max(0, ofSnippets);
  return {
    text: assemble(perPersona, ofSnippets),
    cut: {
      snippetWords: snippetWords.length - ofSnippets,
      snippets: snippets.filter((_, i) => snippets.slice(0, i + 1).flat().length > ofSnippets).length,
      personaWords: personas.reduce((sum, persona) => sum + Math.max(0, persona.length - perPersona), 0),
    },
  };
}

/** One line of text without special tokens: their angle brackets go, and runs of white space become one space. */
export function clean(text: string): string {
  return text
    .replace(/<(USER|SYSTEM|EXTERNAL KNOWLEDGE|extra_id_\d+|pad|unk|\/?s)>/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

function words(text: string): string[] {
  return clean(text).split(" ").filter(Boolean);
}

function join(variant: PromptVariant, personas: readonly string[][], snippets: readonly string[]): string {
  const [user, system] = personas.map((persona) => persona.join(" "));
  const knowledge = snippets.join(" ");
  const { user: userTag, system: systemTag, knowledge: knowledgeTag } = promptTags;
  const parts = {
    plain: [user, system, knowledge],
    tags: [userTag, user, systemTag, system, knowledge && knowledgeTag, knowledge],
  };
  const chosen = variant === "template" ? [taskPrefix, ...parts.tags] : parts[variant];
  return chosen.filter(Boolean).join(" ");
}

/** Of so many words it is tried first whether all fit; of more, whether these do, then twice as many, and so on. */
const firstTried = 512;

/**
 * The largest count in 0…`most` that fits, by doubling and halving, if more words never have fewer tokens; −1 if none fits.
 * Of very long texts only the beginning is looked at.
 */
function largest(most: number, fits: (count: number) => boolean): number {
  let [low, high] = [-1, Math.min(most, firstTried)];
  while (fits(high)) {
    if (high === most) return most;
    [low, high] = [high, Math.min(most, 2 * high)];
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

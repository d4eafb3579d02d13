import { assumedIdentity, type Variant } from "../evaluation";
import { cutToTokens, type TextTokenizer } from "../text";

/** A variant whose answers are cut to `count` tokens ({@link cutToTokens}), named `NAME, first COUNT words`. */
export function cutVariant(variant: Variant, count: number, tokenizer?: TextTokenizer): Variant {
  const unit = tokenizer ? "tokens" : "words";
  const whole = variant.identity ?? assumedIdentity(variant.name, variant.settings);
  return {
    name: `${variant.name}, first ${count} ${unit}`,
    identity: { ...whole, cut: { length: count, unit } },
    settings: { ...variant.settings, cut: count, cutUnit: unit },
    async generate(dialogues) {
      const whole = await variant.generate(dialogues);
      return whole.map((one) => ({ ...one, output: cutToTokens(one.output, count, tokenizer) }));
    },
  };
}

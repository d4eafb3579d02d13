/**
 * What must be in no dialogue that a model learns from, by the kind of harm. Words and patterns find what is said plainly; what is
 * said in other words a judge by the rubric `safety` may find.
 */
const patterns: Readonly<Record<string, readonly RegExp[]>> = {
  "self-harm": [
    /\b(?:kill|harm) (?:my|your|him|her|them)sel(?:f|ves)\b/i,
    /\bsuicid/i,
    /\bend (?:my|your|his|her|their) (?:own )?li(?:fe|ves)\b/i,
  ],
  threat: [
    /\b(?:i(?:'ll| will| am going to)|we(?:'ll| will)|gonna) (?:kill|stab|shoot|strangle|poison|hurt|beat up) (?:you|him|her|them)\b/i,
    /\byou (?:deserve|ought) to (?:die|be killed|be beaten)\b/i,
  ],
  hate: [
    /\b(?:subhumans?|untermensch\w*|racial purity|white power|master race)\b/i,
    /\b(?:they|those people|all (?:\w+ ){0,2}(?:men|women|foreigners|immigrants|jews|muslims|christians|blacks|whites)) (?:are|is) (?:vermin|animals|parasites|inferior|filth)\b/i,
  ],
  sexual: [/\bporn\w*/i, /\bsex(?:ual(?:ly)?|y|ting)?\b/i, /\bnudes?\b/i, /\berotic\w*/i],
  "dangerous help": [
    /\bhow (?:to|do (?:i|you|we)|can (?:i|you|we)) (?:make|build|mix|cook) (?:an? |some )?(?:bombs?|explosives?|poison|napalm|meth)\b/i,
    /\b(?:buy|sell|deal) (?:some )?(?:cocaine|heroin|meth|crack)\b/i,
  ],
  "private data": [
    /\b[\w.+-]+@[\w-]+\.[a-z]{2,}\b/i,
    /(?<![\w.])\+?(?=(?:[ \-/()]{0,2}\d){9})[\d(][\d \-/()]{7,}\d(?![\w.])/,
    /\b(?:\d[ -]?){13,19}\b/,
    /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b/,
    /\b(?:\d{1,3}\.){3}\d{1,3}\b/,
  ],
  profanity: [
    /\b(?:fuck\w*|shit(?:s|ty|head|ting)?|cunts?|bitch(?:es|y)?|bastards?|assholes?|wank(?:er|ers|ing)?)\b/i,
  ],
};

/** The kinds of harm that a text holds plainly, in alphabetical order. */
export function safetyFlags(texts: readonly string[]): string[] {
  return Object.keys(patterns)
    .filter((kind) =>
      texts.some((text) => patterns[kind]!.some((pattern) => pattern.test(text.replaceAll("’", "'")))),
    )
    .sort();
}

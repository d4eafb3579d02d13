/**
 * English function words, as {@link simpleTokens} leaves them (so also what is left of "don't" and "I'm"): articles,
 * pronouns, prepositions, conjunctions, auxiliaries and a few adverbs of degree. Content words, negations of taste
 * ("hate") and numbers are not among them.
 */
export const stopWords: ReadonlySet<string> = new Set(
  `a an the this that these those
  i me my mine myself we us our ours ourselves you your yours yourself yourselves
  he him his himself she her hers herself it its itself they them their theirs themselves
  who whom whose which what when where why how
  and or but nor so yet if because as while although though than unless until whether
  of at by for from in into on onto out over under up down off to with without within about above across after
  against along among around before behind below beneath beside between beyond during near through toward towards upon
  am is are was were be been being have has had having do does did doing done
  can could will would shall should may might must ought cannot
  no not none neither either both each every any some all most more much many few other another such own same
  very too also just only even quite rather really there here then now again ever never always once
  s t m d ll re ve don doesn didn isn aren wasn weren hasn haven hadn won wouldn couldn shouldn ain`.split(
    /\s+/,
  ),
);

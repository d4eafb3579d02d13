/*
 * Porter's suffix-stripping stemmer (Porter 1980, "An algorithm for suffix stripping", Program 14(3)) with the later
 * amendments that NLTK's PorterStemmer applies by default, which is the one rouge_score uses.
 */

/** Suffix, replacement; the first suffix that fits decides, whether or not its condition then holds. */
type Rule = readonly [suffix: string, replacement: string];
type Condition = (stem: string, suffix: string) => boolean;

const STEP_2 = rules(
  "ational>ate tional>tion enci>ence anci>ance izer>ize bli>ble alli>al entli>ent eli>e ousli>ous ization>ize " +
    "ation>ate ator>ate alism>al iveness>ive fulness>ful ousness>ous aliti>al iviti>ive biliti>ble fulli>ful logi>log",
);
const STEP_3 = rules("icate>ic ative> alize>al iciti>ic ical>ic ful> ness>");
const STEP_4 = rules(
  "al> ance> ence> er> ic> able> ible> ant> ement> ment> ent> ion> ou> ism> ate> iti> ous> ive> ize>",
);
const IRREGULAR = new Map(
  (
    "sky:sky skies:sky dying:die lying:lie tying:tie news:news innings:inning inning:inning outings:outing " +
    "outing:outing cannings:canning canning:canning howe:howe proceed:proceed exceed:exceed succeed:succeed"
  )
    .split(" ")
    .map((pair) => pair.split(":") as [string, string]),
);

/** The Porter stem of a lower-case word; words of one or two letters are their own stems. */
export function porterStem(word: string): string {
  const irregular = IRREGULAR.get(word);
  if (irregular !== undefined) return irregular;
  if (word.length <= 2) return word;
  let stem = pastOrProgressive(plural(word));
  if (/..y$/.test(stem) && isConsonant(stem, stem.length - 2)) stem = `${stem.slice(0, -1)}i`;
  stem = derivational(stem);
  stem = replaceFirst(stem, STEP_3, (left) => measure(left) > 0);
  stem = replaceFirst(
    stem,
    STEP_4,
    (left, suffix) => measure(left) > 1 && (suffix !== "ion" || /[st]$/.test(left)),
  );
  return tidyEnd(stem);
}

function plural(word: string): string {
  if (word.length === 4 && word.endsWith("ies")) return word.slice(0, -1);
  return replaceFirst(word, rules("sses>ss ies>i ss>ss s>"), () => true);
}

function pastOrProgressive(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("eed")) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const stem = ["ed", "ing"]
    .filter((suffix) => word.endsWith(suffix))
    .map((suffix) => word.slice(0, -suffix.length))
    .find((left) => consonantPattern(left).includes("v"));
  if (stem === undefined) return word;
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (/(.)\1$/.test(stem) && isConsonant(stem, stem.length - 1)) {
    return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  }
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

function derivational(word: string): string {
  if (word.endsWith("alli") && measure(word.slice(0, -4)) > 0) return derivational(word.slice(0, -2));
  return replaceFirst(word, STEP_2, (left, suffix) => measure(suffix === "logi" ? `${left}l` : left) > 0);
}

function tidyEnd(word: string): string {
  let stem = word;
  if (stem.endsWith("e")) {
    const left = stem.slice(0, -1);
    const m = measure(left);
    if (m > 1 || (m === 1 && !endsShort(left))) stem = left;
  }
  return stem.endsWith("ll") && measure(stem.slice(0, -1)) > 1 ? stem.slice(0, -1) : stem;
}

function replaceFirst(word: string, candidates: readonly Rule[], condition: Condition): string {
  for (const [suffix, replacement] of candidates) {
    if (!word.endsWith(suffix)) continue;
    const left = word.slice(0, word.length - suffix.length);
    return condition(left, suffix) ? left + replacement : word;
  }
  return word;
}

/** Porter's m: how many times a vowel run is followed by a consonant run. */
function measure(stem: string): number {
  return consonantPattern(stem).split("vc").length - 1;
}

/** Ends consonant–vowel–consonant, the last not w, x or y; or is vowel–consonant altogether. */
function endsShort(stem: string): boolean {
  const pattern = consonantPattern(stem);
  return (pattern.endsWith("cvc") && !/[wxy]$/.test(stem)) || pattern === "vc";
}

function isConsonant(word: string, index: number): boolean {
  return consonantPattern(word)[index] === "c";
}

/** "c" or "v" for every character; y is a consonant at the start and after a vowel. Digits count as consonants. */
function consonantPattern(word: string): string {
  let pattern = "";
  for (const letter of word) {
    const vowel = letter === "y" ? pattern.endsWith("c") : "aeiou".includes(letter);
    pattern += vowel ? "v" : "c";
  }
  return pattern;
}

function rules(text: string): Rule[] {
  return text.split(" ").map((rule) => rule.split(">") as [string, string]);
}

import { visible } from "./visible";

/** What chat templates write around turns: a text that spells it out could pretend to be a turn of its own. */
const CONTROL =
  /<\|[^|<>\n]{1,40}\|>|\[\/?(?:INST|SYSTEM_PROMPT)\]|<<\/?SYS>>|<\/?s>|<\/?(?:start|end)_of_turn>/gi;

/** Characters that nobody sees, in which instructions can hide: of no width, and the tags that repeat ASCII. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}/gu;

/** A text that somebody else wrote, without what could act: control tokens, unseen characters. */
export function inert(text: string): string {
  return visible(text.replace(UNSEEN, "")).replace(CONTROL, "[removed]");
}

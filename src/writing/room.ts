import {
  type DialogueRecord,
  personaNamed,
  type PersonaSpec,
  recordProblem,
  type RecordTurn,
  type ScenarioType,
  scenarioTypes,
} from "../corpus";
import { RequestError } from "../serve";
import { courseProblem, dialogueProblem, dialogueRuns, outOfPlay, safetyFlags, TURNS } from "../simulator";
import type { AnswerEvent, Draft, Place, RoomContents, Said, ShownDraft, WriterState } from "./page/messages";
import type { Partner } from "./partner";
import { isWriterName, NAME_RULE, Writer, writersOf } from "./writer";

export interface RoomOptions {
  /** Where what is written lies: `NAME.jsonl` for each writer, and drafts. */
  readonly directory: string;
  readonly personas: readonly PersonaSpec[];
  readonly topics: readonly string[];
  /** Partners by the names under which drafts know them. */
  readonly partners: Readonly<Record<string, Partner>>;
}

/** How often a partner is asked again that says something harmful, or nothing. */
const DRAWS = 5;

const refuse = (status: number, message: string): never => {
  throw new RequestError(status, status === 409 ? "conflict" : "invalid_request_error", message);
};

/** What is done in the writing room, whoever asks. */
export class WritingRoom {
  constructor(private readonly options: RoomOptions) {}

  contents(): RoomContents {
    const { personas, topics, partners, directory } = this.options;
    return {
      personas,
      topics,
      partners: Object.fromEntries(
        Object.entries(partners).map(([name, { about, scenario = null }]) => [name, { about, scenario }]),
      ),
      scenarios: scenarioTypes,
      writers: writersOf(directory),
      turns: TURNS,
    };
  }

  /** @throws {RequestError} for a name that is none */
  open(writer: string): WriterState {
    return this.state(this.writer(writer));
  }

  /**
   * Keeps a turn of the persona.
   *
   * @throws {RequestError} saying what is wrong with it, or that the draft went on elsewhere
   */
  say({ begins, content, alternatives, ...place }: Said): WriterState {
    const writer = this.writer(place.writer);
    const draft = this.draftAt(writer, place, begins);
    if (draft.turns.at(-1)?.role === "user") refuse(400, "the partner has not answered yet");
    const others = alternatives.map((one) => one.trim()).filter((one) => one !== "");
    const turn: RecordTurn = {
      role: "user",
      content: content.trim(),
      ...(others.length > 0 && { alternatives: others }),
    };
    const turns = [...draft.turns, turn];
    const record = this.recordOf({ ...draft, turns }, "helpful");
    const flags = safetyFlags([turn.content, ...others]);
    const problem =
      (turn.content === "" ? "what the persona says is empty" : undefined) ??
      recordProblem(record) ??
      (flags.length > 0 ? `unsafe: ${flags.join(", ")}` : undefined) ??
      outOfPlay([turn]) ??
      courseProblem(turns, [1, TURNS[1]]);
    if (problem !== undefined) refuse(400, `not saved: ${problem}; say it otherwise`);
    writer.keep({ ...draft, turns });
    return this.state(writer);
  }

  /**
   * Has the partner answer, and keeps its answer. Nothing is kept if nobody waits any more, or if the draft went on meanwhile.
   *
   * @throws {RequestError} if it is not the partner's turn, or if it has no answer
   */
  async answer(
    place: Place,
    tell: (event: AnswerEvent) => void,
    signal: AbortSignal,
  ): Promise<WriterState | undefined> {
    const writer = this.writer(place.writer);
    const draft = this.draftAt(writer, place);
    if (draft.turns.at(-1)?.role !== "user") refuse(400, "it is the persona's turn");
    const text = await this.harmlessAnswer(draft, tell, signal);
    if (signal.aborted) return undefined;
    const now = this.draftAt(writer, place);
    writer.keep({ ...now, turns: [...now.turns, { role: "assistant", content: text }] });
    return this.state(writer);
  }

  /** Takes the persona's last turn back, with what was answered to it; a draft without turns goes. */
  takeBack(place: Place): WriterState {
    const writer = this.writer(place.writer);
    const draft = this.draftAt(writer, place);
    const last = draft.turns.map(({ role }) => role).lastIndexOf("user");
    writer.keep({ ...draft, turns: draft.turns.slice(0, Math.max(0, last)) });
    return this.state(writer);
  }

  /**
   * Makes a record of a draft.
   *
   * @throws {RequestError} saying what speaks against it
   */
  finish({ scenario, ...place }: Place & { readonly scenario: ScenarioType }): WriterState {
    const writer = this.writer(place.writer);
    const draft = this.draftAt(writer, place);
    const problem = this.problemOf(draft, this.known());
    if (problem !== null) refuse(400, `not finished: ${problem}`);
    writer.finish(draft.id, this.recordOf(draft, this.partner(draft).scenario ?? scenario));
    return this.state(writer);
  }

  private writer(name: string): Writer {
    if (!isWriterName(name)) refuse(400, `"${name}" is no writer's name: ${NAME_RULE}`);
    return new Writer(this.options.directory, name);
  }

  private state(writer: Writer): WriterState {
    const { drafts } = writer;
    // Shorter ones are not yet compared with others.
    const known = drafts.some(({ turns }) => turns.length >= TURNS[0]) ? this.known() : new Set<string>();
    return {
      writer: writer.name,
      drafts: drafts.map((draft): ShownDraft => ({ ...draft, notYet: this.problemOf(draft, known) })),
      finished: writer.records.length,
    };
  }

  /** The draft of a place, where it is still so long; a new one where something begins. */
  private draftAt(writer: Writer, { draft: id, at }: Place, begins?: Said["begins"]): Draft {
    const found = writer.drafts.find((one) => one.id === id);
    if (found ? found.turns.length !== at : !begins || at > 0)
      refuse(409, "this conversation went on elsewhere; what is saved of it is shown");
    const draft = found ?? { id, ...begins!, turns: [] };
    this.persona(draft);
    this.partner(draft);
    if (!this.options.topics.includes(draft.topic))
      refuse(400, `"${draft.topic}" is none of the topics here`);
    return draft;
  }

  private persona({ persona_id }: Draft): PersonaSpec {
    try {
      return personaNamed(persona_id, this.options.personas);
    } catch (error) {
      return refuse(400, (error as Error).message);
    }
  }

  private partner({ partner }: Draft): Partner {
    const { partners } = this.options;
    return Object.hasOwn(partners, partner)
      ? partners[partner]!
      : refuse(400, `there is no partner "${partner}" here: there is ${Object.keys(partners).join(", ")}`);
  }

  private recordOf({ persona_id, topic, turns }: Draft, scenario: ScenarioType): DialogueRecord {
    const metadata = {
      quality_score: null,
      safety_flags: [],
      scenario_type: scenario,
      source: "human" as const,
      generation_model: null,
      num_turns: turns.length,
    };
    return { persona_id, topic, turns, metadata };
  }

  /** What speaks against finishing a draft: what would against a dialogue that was made by a teacher. */
  private problemOf(draft: Draft, known: ReadonlySet<string>): string | null {
    const { turns } = draft;
    const persona = this.options.personas.find(({ id }) => id === draft.persona_id);
    if (!persona) return `there is no persona "${draft.persona_id}" here`;
    const flags = safetyFlags(turns.flatMap(({ content, alternatives = [] }) => [content, ...alternatives]));
    return (
      dialogueProblem({ persona, turns, flags }, known) ??
      recordProblem(this.recordOf(draft, "helpful")) ??
      null
    );
  }

  /** The runs of words of all that was finished here, by whomever. */
  private known(): ReadonlySet<string> {
    const { directory } = this.options;
    const records = writersOf(directory).flatMap((name) => new Writer(directory, name).records);
    return new Set(records.flatMap(({ turns }) => dialogueRuns(turns)));
  }

  private async harmlessAnswer(
    draft: Draft,
    tell: (event: AnswerEvent) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const { topic, turns } = draft;
    for (let draw = 0; draw < DRAWS && !signal.aborted; draw++) {
      if (draw > 0) tell({ again: true });
      const onText = (piece: string) => tell({ piece });
      const text = (await this.partner(draft).answer(topic, turns, draw, { onText, signal })).trim();
      if (text !== "" && safetyFlags([text]).length === 0) return text;
    }
    if (signal.aborted) return "";
    return refuse(
      400,
      "the partner has no harmless answer to that: take your turn back, and say it otherwise",
    );
  }
}

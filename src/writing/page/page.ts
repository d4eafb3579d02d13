/** The page of the writing room. */
import { byId, messageOf, withText } from "../../web/dom";
import type { PersonaSpec, RecordTurn } from "../../corpus";
import type { Draft, RoomContents, ShownDraft, WriterState } from "./messages";
import { Refused, Server } from "./server";

const status = byId("status", HTMLElement);
const problem = byId("problem", HTMLElement);
const who = byId("who", HTMLFormElement);
const writerName = byId("writer", HTMLInputElement);
const list = byId("list", HTMLElement);
const begin = byId("begin", HTMLFormElement);
const persona = byId("persona", HTMLSelectElement);
const topic = byId("topic", HTMLSelectElement);
const partner = byId("partner", HTMLSelectElement);
const write = byId("write", HTMLElement);
const log = byId("log", HTMLElement);
const turn = byId("turn", HTMLFormElement);
const content = byId("content", HTMLTextAreaElement);
const others = [1, 2, 3].map((n) => byId(`other-${n}`, HTMLTextAreaElement));
const send = byId("send", HTMLButtonElement);
const askAgain = byId("ask", HTMLButtonElement);
const takeBack = byId("take-back", HTMLButtonElement);
const end = byId("end", HTMLFormElement);
const scenario = byId("scenario", HTMLSelectElement);
const finish = byId("finish", HTMLButtonElement);

/** The token of the address, kept for this tab: it leaves the address, which others may see. */
function takeToken(): string {
  const key = "token";
  const given = new URLSearchParams(location.hash.slice(1)).get(key);
  if (given !== null) {
    sessionStorage.setItem(key, given);
    history.replaceState(null, "", location.pathname);
  }
  return given ?? sessionStorage.getItem(key) ?? "";
}

/** The page with everything in it that does not change. */
class Room {
  private state: WriterState = { writer: "", drafts: [], finished: 0 };
  /** The draft that is open; with no turns one that is not saved yet. */
  private open: Draft | undefined;
  private busy = false;

  constructor(
    private readonly server: Server,
    private readonly contents: RoomContents,
  ) {
    const { personas, topics, scenarios, partners, writers } = contents;
    for (const { id } of personas) persona.append(withText("option", id));
    for (const one of topics) topic.append(withText("option", one));
    for (const one of scenarios) scenario.append(withText("option", one));
    for (const [name, { about }] of Object.entries(partners)) {
      const option = withText("option", `${name}: ${about}`);
      option.value = name;
      partner.append(option);
    }
    byId("writers", HTMLDataListElement).append(
      ...writers.map((name) => Object.assign(document.createElement("option"), { value: name })),
    );
    const define = () => {
      byId("definition", HTMLElement).textContent = this.spec(persona.value)?.definition ?? "";
    };
    persona.addEventListener("change", define);
    define();
    this.listen();
    writerName.focus();
  }

  private listen(): void {
    const on = (form: HTMLFormElement, act: () => Promise<void>) =>
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void this.attempt(act);
      });
    on(who, async () => {
      this.state = await this.server.send("/api/open", { writer: writerName.value.trim() });
      this.showList();
    });
    on(begin, async () => {
      this.show({
        id: crypto.randomUUID(),
        persona_id: persona.value,
        topic: topic.value,
        partner: partner.value,
        turns: [],
      });
      content.focus();
    });
    on(turn, () => this.say());
    on(end, () => this.finish());
    askAgain.addEventListener("click", () => void this.attempt(() => this.answer()));
    takeBack.addEventListener("click", () => void this.attempt(() => this.takeBack()));
    byId("leave", HTMLButtonElement).addEventListener(
      "click",
      () => void this.attempt(async () => this.showList()),
    );
    content.addEventListener("input", () => this.countWords());
    turn.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      turn.requestSubmit();
    });
  }

  /** Does one thing at a time, and says what went wrong with it. */
  private async attempt(act: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    problem.textContent = "";
    try {
      await act();
    } catch (error) {
      status.textContent = "";
      problem.textContent = messageOf(error);
      if (error instanceof Refused && error.status === 409) await this.reload();
    } finally {
      this.busy = false;
      this.enable();
    }
  }

  /** Shows what is saved, where that is something else than what the page has. */
  private async reload(): Promise<void> {
    this.state = await this.server.send("/api/open", { writer: this.state.writer });
    const now = this.state.drafts.find(({ id }) => id === this.open?.id);
    if (now) this.show(now);
    else this.showList();
  }

  private showList(): void {
    this.open = undefined;
    const { writer, drafts, finished } = this.state;
    byId("list-title", HTMLElement).textContent = `Conversations of ${writer}`;
    byId("count", HTMLElement).textContent = `Finished: ${finished}. Not finished: ${drafts.length}.`;
    byId("drafts", HTMLElement).replaceChildren(
      ...drafts.map((draft) => {
        const line = document.createElement("li");
        const button = withText(
          "button",
          `Go on: ${draft.persona_id}, ${draft.topic}, ${draft.turns.length} turns`,
        );
        button.type = "button";
        button.addEventListener("click", () => void this.attempt(() => this.goOn(draft)));
        line.append(button);
        return line;
      }),
    );
    topic.selectedIndex = Math.floor(Math.random() * topic.length); // not everybody begins with the first
    who.hidden = true;
    list.hidden = false;
    write.hidden = true;
    byId("list-title", HTMLElement).focus();
  }

  private async goOn(draft: ShownDraft): Promise<void> {
    this.show(draft);
    content.focus();
    if (draft.turns.at(-1)?.role === "user") await this.answer();
  }

  private show(draft: Draft): void {
    this.open = draft;
    const spec = this.spec(draft.persona_id);
    byId("write-title", HTMLElement).textContent = `${draft.persona_id}, about ${draft.topic}`;
    byId("specification", HTMLElement).replaceChildren(...linesOf(spec).map((line) => withText("li", line)));
    log.replaceChildren();
    for (const one of draft.turns) this.line(one);
    byId("how", HTMLElement).hidden = this.contents.partners[draft.partner]?.scenario != null;
    list.hidden = true;
    write.hidden = false;
    this.enable();
    this.countWords();
  }

  /** A turn in the log. */
  private line({ role, content: said, alternatives = [] }: RecordTurn): HTMLElement {
    const line = document.createElement("li");
    line.className = role === "user" ? "persona" : "partner";
    line.append(withText("span", role === "user" ? `${this.open!.persona_id} (you)` : "partner", "who"));
    const place = withText("span", said);
    line.append(place);
    if (alternatives.length > 0) {
      const weaker = document.createElement("ul");
      weaker.setAttribute("aria-label", "Weaker answers");
      weaker.append(...alternatives.map((one) => withText("li", one)));
      line.append(weaker);
    }
    log.append(line);
    line.scrollIntoView({ block: "nearest" });
    return place;
  }

  private async say(): Promise<void> {
    const draft = this.open!;
    const { id, persona_id, topic, partner, turns } = draft;
    status.textContent = "Saving …";
    this.state = await this.server.send("/api/say", {
      ...{ writer: this.state.writer, draft: id, at: turns.length },
      ...(turns.length === 0 && { begins: { persona_id, topic, partner } }),
      content: content.value,
      alternatives: others.map(({ value }) => value),
    });
    for (const field of [content, ...others]) field.value = "";
    this.showOpen();
    await this.answer();
  }

  /** Shows the open draft as the server has it now. */
  private showOpen(): void {
    const draft = this.state.drafts.find(({ id }) => id === this.open?.id);
    if (draft) this.show(draft);
    else this.showList();
  }

  private async answer(): Promise<void> {
    const { id, turns } = this.open!;
    if (turns.length >= this.contents.turns[1]) {
      status.textContent = `Saved. ${turns.length} turns are the most: finish.`;
      return;
    }
    status.textContent = "Saved. The partner is answering …";
    send.disabled = true;
    const place = this.line({ role: "assistant", content: "" });
    let failed: string | undefined;
    try {
      await this.server.listen({ writer: this.state.writer, draft: id, at: turns.length }, (event) => {
        if ("piece" in event) place.textContent += event.piece;
        else if ("again" in event) place.textContent = "";
        else if ("problem" in event) failed = event.problem;
        else this.state = event.state;
      });
    } finally {
      this.showOpen();
    }
    if (failed !== undefined) throw new Error(failed);
    status.textContent = "Saved. Your turn.";
    content.focus();
  }

  private async takeBack(): Promise<void> {
    const { id, turns } = this.open!;
    const said = turns.filter(({ role }) => role === "user");
    const last = said.at(-1);
    this.state = await this.server.send("/api/take-back", {
      ...{ writer: this.state.writer, draft: id, at: turns.length },
    });
    if (said.length > 1) this.showOpen();
    else this.show({ ...this.open!, turns: [] });
    status.textContent = "Taken back: it is in the fields again.";
    content.value = last?.content ?? "";
    others.forEach((field, at) => (field.value = last?.alternatives?.[at] ?? ""));
    this.countWords();
    content.focus();
  }

  private async finish(): Promise<void> {
    const { id, turns } = this.open!;
    this.state = await this.server.send("/api/finish", {
      ...{ writer: this.state.writer, draft: id, at: turns.length, scenario: scenario.value },
    });
    this.showList();
    status.textContent = "Finished, and saved as a record.";
  }

  /** What can be done now. */
  private enable(): void {
    const draft = this.open;
    if (!draft) return;
    const waits = draft.turns.at(-1)?.role === "user";
    const full = draft.turns.length >= this.contents.turns[1];
    send.disabled = waits || full;
    askAgain.hidden = !waits || full;
    takeBack.disabled = draft.turns.length === 0;
    const shown = this.state.drafts.find(({ id }) => id === draft.id);
    const notYet = shown ? shown.notYet : "nothing is said yet";
    byId("not-yet", HTMLElement).textContent =
      notYet === null ? "This conversation can be finished, or go on." : `Not to be finished yet: ${notYet}.`;
    finish.disabled = notYet !== null;
  }

  private countWords(): void {
    const spec = this.open && this.spec(this.open.persona_id);
    if (!spec) return;
    const { length } = content.value.split(/\s+/).filter((word) => word !== "");
    const [fewest, most] = spec.style.words;
    byId("words", HTMLElement).textContent =
      `${length} words; this persona's turns mostly have ${fewest} to ${most}.`;
  }

  private spec(id: string): PersonaSpec | undefined {
    return this.contents.personas.find((one) => one.id === id);
  }
}

/** All of a specification that a person needs who plays the persona. */
function linesOf(spec: PersonaSpec | undefined): string[] {
  if (!spec) return [];
  const { definition, facts, behaviours, constraints, stopRules, boundaries, style } = spec;
  return [
    definition,
    ...facts,
    ...behaviours,
    ...constraints.map((never) => `Never: ${never}`),
    ...stopRules,
    ...boundaries.map(({ when, then }) => `When ${when}: ${then}`),
    `How: ${style.manner.join("; ")}`,
  ];
}

async function start(): Promise<void> {
  const server = new Server(takeToken());
  new Room(server, await server.contents());
}

start().catch((error: unknown) => {
  who.hidden = true;
  problem.textContent =
    error instanceof Refused && error.status === 401
      ? "This page needs the token: open the address that npm run write shows."
      : messageOf(error);
});

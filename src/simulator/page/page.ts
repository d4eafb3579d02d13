/** The page on which a person is the partner of a persona: both talk in turn, and the persona begins. */
import { byId, messageOf, withText } from "../../web/dom";
import type { Asked, PageSettings, PageTurn, Told } from "./settings";

const persona = byId("persona", HTMLSelectElement);
const definition = byId("definition", HTMLElement);
const log = byId("log", HTMLElement);
const form = byId("form", HTMLFormElement);
const text = byId("text", HTMLTextAreaElement);
const say = byId("say", HTMLButtonElement);
const stop = byId("stop", HTMLButtonElement);
const again = byId("again", HTMLButtonElement);
const status = byId("status", HTMLElement);
const problem = byId("problem", HTMLElement);

/** Turns so far, and the number of the answer that is waited for: what belongs to an earlier one is passed over. */
let history: PageTurn[] = [];
let number = 0;
let place: HTMLElement | undefined;

function show(role: PageTurn["role"], content: string): HTMLElement {
  const line = document.createElement("li");
  line.className = role === "user" ? "persona" : "partner";
  line.append(withText("span", role === "user" ? persona.value : "you", "who"));
  const said = withText("span", content);
  line.append(said);
  log.append(line);
  return said;
}

/** @param answering whether the persona speaks; else the person may */
function turnOf(answering: boolean): void {
  say.disabled = answering;
  stop.disabled = !answering;
  status.textContent = answering ? `${persona.value} is answering …` : "Your turn.";
}

async function start(): Promise<void> {
  const settings = (await (await fetch("settings.json")).json()) as PageSettings;
  byId("title", HTMLElement).textContent = settings.title;
  for (const { id } of settings.personas) persona.append(withText("option", id));
  // From a blob, so that this page's policy holds for the worker, too.
  const code = URL.createObjectURL(await (await fetch("worker.js")).blob());
  const worker = new Worker(code, { type: "module" });
  const ask = (asked: Asked) => worker.postMessage(asked);

  const answer = () => {
    problem.textContent = "";
    place = undefined;
    turnOf(true);
    ask({ kind: "answer", number: ++number, persona: persona.selectedIndex, history });
  };
  const begin = () => {
    ask({ kind: "stop" });
    history = [];
    log.replaceChildren();
    definition.textContent = settings.personas[persona.selectedIndex]!.definition;
    answer();
  };
  /** What has no answer is not said: it is in the field again. */
  const fail = (what: string) => {
    problem.textContent = what;
    place?.closest("li")?.remove();
    const last = history.at(-1);
    if (last?.role === "assistant") {
      history = history.slice(0, -1);
      log.lastElementChild?.remove();
      text.value ||= last.content;
    }
    turnOf(false);
  };
  const giveUp = (what: string) => {
    status.textContent = "";
    problem.textContent = `The model cannot be run here: ${what}`;
  };
  worker.addEventListener("error", ({ message }) => giveUp(message));
  worker.addEventListener("message", ({ data }: MessageEvent<Told>) => {
    if (data.kind === "loading") {
      status.textContent = `Loading the model, ${Math.round(100 * data.share)} % …`;
    } else if (data.kind === "ready") {
      for (const one of [persona, again]) one.disabled = false;
      begin();
    } else if (data.kind === "failed") {
      if (data.number === undefined) giveUp(data.problem);
      else if (data.number === number) fail(data.problem);
    } else if (data.number === number) {
      place ??= show("user", "");
      if (data.kind === "piece") place.textContent += data.text;
      else {
        place.textContent = data.text;
        if (data.text === "")
          return fail(`${persona.value} says nothing: say something else, or begin again.`);
        history = [...history, { role: "user", content: spelledOut(settings, data.text) }];
        turnOf(false);
        if (data.forgotten > 0)
          status.textContent += ` (The oldest ${data.forgotten} turns no longer fit the model and are forgotten.)`;
        if (history.length > 1) text.focus();
      }
    }
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const content = text.value.trim();
    if (content === "" || say.disabled) return;
    const control = settings.controls.find((token) => content.includes(token));
    if (control !== undefined) {
      problem.textContent = `${control} is a control token of this model: write it otherwise.`;
      return;
    }
    history = [...history, { role: "assistant", content }];
    show("assistant", content);
    text.value = "";
    answer();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  persona.addEventListener("change", begin);
  again.addEventListener("click", begin);
  stop.addEventListener("click", () => ask({ kind: "stop" }));
  ask({ kind: "open", base: new URL(".", location.href).href, settings });
}

/** An answer as later prompts have it: control tokens that ordinary ones spell out do not become control tokens. */
function spelledOut({ controls }: PageSettings, answer: string): string {
  return controls.reduce(
    (content, token) => content.replaceAll(token, `${token[0]} ${token.slice(1)}`),
    answer,
  );
}

start().catch((error: unknown) => {
  status.textContent = "";
  problem.textContent = `The page cannot be used: ${messageOf(error)}`;
});

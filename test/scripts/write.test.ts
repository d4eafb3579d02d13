import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { readRecords } from "../../src/corpus/records";
import { BrowserMissingError } from "../../src/figures/browser";
import { LocalPage } from "../local-page";

const folder = mkdtempSync(join(tmpdir(), "write-script-"));
after(() => rmSync(folder, { recursive: true }));
const cwd = join(__dirname, "../..");
const parts = (...words: string[]) => ["--require", "tsx/cjs", "scripts/write.ts", ...words];
const TOKEN = "a-token-of-the-test";

interface Room {
  readonly url: string;
  readonly child: ChildProcess;
  /** Ends it, and returns its exit status. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}

async function openRoom(t: TestContext, out: string, port = "0"): Promise<Room> {
  const env = { ...process.env, PERSONA_WRITE_TOKEN: TOKEN };
  const child = spawn(process.execPath, parts("--out", out, "--port", port), { cwd, env });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += String(data)));
  for (;;) {
    const url = /open (http\S+)/.exec(said)?.[1];
    if (url !== undefined) return { url, child, end: (signal) => (child.kill(signal), ended) };
    if (child.exitCode !== null) throw new Error(said);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

const focused = (id: string) => `document.activeElement?.id === "${id}"`;
const yourTurn = `/Your turn/.test(document.querySelector("#status").textContent) && ${focused("content")}`;

/** A writer at the keyboard: no mouse, and no script but to look. */
class Writer {
  private constructor(
    readonly page: LocalPage,
    private readonly name: string,
  ) {}

  static async at(t: TestContext, url: string, name: string): Promise<Writer> {
    const page = await LocalPage.open(url);
    t.after(() => page.close());
    const writer = new Writer(page, name);
    await writer.open();
    return writer;
  }

  async open(): Promise<void> {
    await this.page.until(focused("writer"), "the field for the name");
    await this.page.typeLine(this.name);
    await this.page.until(focused("list-title"), "the writer's conversations");
  }

  async tabTo(id: string): Promise<void> {
    for (let presses = 0; presses < 20; presses++) {
      await this.page.press("Tab", 9);
      if (await this.page.evaluate(focused(id))) return;
    }
    assert.fail(`Tab does not reach ${id}`);
  }

  /** Begins as the persona of this place in the list, with the quiet partner. */
  async begin(persona: number): Promise<void> {
    await this.tabTo("persona");
    for (let i = 0; i < persona; i++) await this.page.press("ArrowDown", 40);
    await this.tabTo("partner");
    await this.page.press("ArrowDown", 40);
    await this.page.press("Tab", 9);
    await this.page.press("Enter", 13);
    await this.page.until(focused("content"), "the field for a turn");
  }

  /** Says something, with two weaker answers. */
  async say(content: string): Promise<void> {
    await this.page.type(content);
    for (const weaker of ["Fine.", "I want to know something about this."]) {
      await this.page.press("Tab", 9);
      await this.page.type(weaker);
    }
    await this.page.press("Enter", 13, 2);
    await this.page.until(`${yourTurn} || document.querySelector("#problem").textContent`, "the answer");
    assert.equal(await this.problem(), "");
  }

  problem(): Promise<unknown> {
    return this.page.evaluate(`document.querySelector("#problem").textContent`);
  }

  turns(): Promise<unknown> {
    return this.page.evaluate(
      `[...document.querySelectorAll("#log > li > span:nth-child(2)")].map((one) => one.textContent)`,
    );
  }
}

const lines = [
  "Hi! First game: whoever says wheel first loses. Go!",
  '<img src="x" onerror="document.title = 1"><b>One point</b> to me & you!',
  "Boring! Let's rhyme instead: bell, spell, your turn to tell!",
  "Two points for trying, minus three for the yawn.",
];

test(
  "by keyboard alone in Chromium: written, killed, resumed and finished, beside another writer",
  { timeout: 600_000 },
  async (t) => {
    const out = join(folder, "written");
    const drafts = (name: string) =>
      (
        JSON.parse(readFileSync(join(out, "drafts", `${name}.json`), "utf8")) as {
          turns: { content: string }[];
        }[]
      )[0]!.turns;
    const room = await openRoom(t, out);
    let ann: Writer;
    try {
      ann = await Writer.at(t, room.url, "ann");
    } catch (error) {
      if (error instanceof BrowserMissingError) return t.skip(error.message);
      throw error;
    }
    assert.equal(await ann.page.evaluate("location.hash"), "", "the token stays in the address");
    await ann.begin(3);
    await ann.say(lines[0]!);
    const bob = await Writer.at(t, room.url, "bob");
    await bob.begin(5);
    await Promise.all([ann.say(lines[1]!), bob.say("Bike needed. Budget 300. Options?")]);

    // Markup is text: in the conversation, in weaker answers, in the file.
    assert.deepEqual(
      await ann.page.evaluate(`[document.querySelectorAll("#log img, #log b").length, document.title]`),
      [0, "The persona writing room"],
    );
    assert.equal(((await ann.turns()) as string[])[2], lines[1]);
    assert.equal(drafts("ann")[2]!.content, lines[1]);
    assert.equal(drafts("bob").length, 2);

    // Everything that can be used has a name for those who do not see it.
    const nameless = await ann.page
      .evaluate(`[...document.querySelectorAll("input, select, textarea, button")]
      .filter((one) => !one.labels?.length && !one.textContent.trim()).map(({ id }) => id)`);
    assert.deepEqual(nameless, []);

    // Killed while something unsent stands in the field: that alone is lost.
    await ann.page.type("This was not sent yet.");
    assert.equal(await room.end("SIGKILL"), null);
    await ann.page.press("Enter", 13, 2);
    await ann.page.until(
      `/The server does not answer\\. What was sent is saved/.test(document.querySelector("#problem").textContent)`,
      "the problem",
    );
    assert.equal(
      await ann.page.evaluate(`document.querySelector("#content").value`),
      "This was not sent yet.",
    );
    assert.equal(drafts("ann").length, 4);

    const { port } = new URL(room.url);
    const again = await openRoom(t, out, port);
    await ann.page.evaluate("location.reload()");
    await ann.open();
    const open = `document.querySelector("#drafts button")`;
    assert.match(String(await ann.page.evaluate(`${open}.textContent`)), /^Go on: playful, .*, 4 turns$/);
    await ann.page.press("Tab", 9);
    await ann.page.press("Enter", 13);
    await ann.page.until(focused("content"), "the conversation");
    assert.deepEqual(
      await ann.turns(),
      drafts("ann").map(({ content }) => content),
    );
    assert.equal(await ann.page.evaluate(`document.querySelector("#finish").disabled`), true);
    await ann.say(lines[2]!);
    await ann.say(lines[3]!);
    await ann.tabTo("finish");
    await ann.page.press("Enter", 13);
    await ann.page.until(focused("list-title"), "the list");
    assert.match(
      String(await ann.page.evaluate(`document.querySelector("#count").textContent`)),
      /Finished: 1\. Not finished: 0/,
    );

    const [record] = readRecords(join(out, "ann.jsonl"));
    const { source, scenario_type, num_turns } = record!.metadata;
    assert.deepEqual([record!.persona_id, source, scenario_type, num_turns], ["playful", "human", "dull", 8]);
    assert.deepEqual(
      record!.turns.filter(({ role }) => role === "user").map(({ content }) => content),
      lines,
    );
    for (const { role, alternatives } of record!.turns)
      assert.deepEqual(
        alternatives,
        role === "user" ? ["Fine.", "I want to know something about this."] : undefined,
      );
    assert.ok(!existsSync(join(out, "bob.jsonl")));

    // With another token the page says what to do, and shows nothing.
    const stranger = await LocalPage.open(again.url.replace(TOKEN, "another"));
    t.after(() => stranger.close());
    await stranger.until(
      `/needs the token: open the address/.test(document.querySelector("#problem")?.textContent)`,
      "the refusal",
    );
    assert.equal(await stranger.evaluate(`document.querySelectorAll("#persona option").length`), 0);

    // One room a folder; Ctrl-C ends it and lets the folder go.
    const second = spawnSync(process.execPath, parts("--out", out, "--port", "0"), { cwd, encoding: "utf8" });
    assert.equal(second.status, 1);
    assert.match(second.stderr, new RegExp(`process ${again.child.pid} writes there`));
    const elsewhere = spawnSync(process.execPath, parts("--out", join(folder, "other"), "--port", port), {
      cwd,
      encoding: "utf8",
    });
    assert.equal(elsewhere.status, 1);
    assert.match(elsewhere.stderr, /EADDRINUSE.*take another --port/);
    assert.equal(await again.end("SIGINT"), 0);
    assert.ok(!existsSync(join(out, ".writer.lock")));
  },
);

test("the help says how to go on, and what is wrong is said in a line", { timeout: 300_000 }, () => {
  const write = (...words: string[]) =>
    spawnSync(process.execPath, parts(...words, "--out", join(folder, "none")), { cwd, encoding: "utf8" });
  assert.match(
    write("--help").stdout,
    /\[model\][\s\S]*the same command goes on with them, however it ended/,
  );
  for (const [says, ...words] of [
    [/no-such-model: no folder, file or run of this name/, "no-such-model"],
    [/"x" is not a whole number from 0/, "--port", "x"],
    [/no persona specification \(NAME\.json\) in it/, "--personas", folder],
  ] as const) {
    const { status, stderr } = write(...words);
    assert.equal(status, 1);
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

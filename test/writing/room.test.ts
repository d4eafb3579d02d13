import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { readRecords } from "../../src/corpus/records";
import { readPersonaSpecs } from "../../src/corpus/specification";
import { preferenceRows, unrollRecords } from "../../src/prompts/unroll";
import type { RequestError } from "../../src/serve/loopback";
import { readRecordFiles } from "../../src/simulator/embedded";
import { type Partner, quietPartner } from "../../src/writing/partner";
import { WritingRoom } from "../../src/writing/room";
import type { AnswerEvent, Said, ShownDraft } from "../../src/writing/page/messages";

const root = mkdtempSync(join(tmpdir(), "writing-"));
after(() => rmSync(root, { recursive: true }));
const personas = readPersonaSpecs();
const topics = ["choosing a bicycle", "a rainy weekend"];
const signal = new AbortController().signal;

/** What a playful person says, none of it twice. */
const lines = [
  "Hi! First game: whoever says wheel first loses. Go!",
  "One point to me! Do you ride, or do you fall artistically?",
  "Boring! Let's rhyme instead: bell, spell, your turn to tell!",
  "Two points for trying, minus three for the yawn.",
  "Next round: name a bicycle part that sounds like a dance!",
  "Pedal polka! I win, obviously, and the crowd goes mild.",
  "Last bet: I can talk longer than you without a question.",
];

interface Room {
  readonly room: WritingRoom;
  readonly directory: string;
}

function makeRoom(partners: Readonly<Record<string, Partner>> = {}): Room {
  const directory = mkdtempSync(join(root, "room-"));
  const room = new WritingRoom({
    directory,
    personas,
    topics,
    partners: { quiet: quietPartner, ...partners },
  });
  return { room, directory };
}

const begins = { persona_id: "playful", topic: topics[0]!, partner: "quiet" };
const said = (
  writer: string,
  draft: string,
  at: number,
  content: string,
  more: Partial<Said> = {},
): Said => ({
  ...{ writer, draft, at, content, alternatives: [] },
  ...(at === 0 && { begins }),
  ...more,
});

/** Has a writer say so many of the lines, each answered. */
async function writes({ room }: Room, writer: string, count: number, own = lines): Promise<ShownDraft> {
  const draft = randomUUID();
  for (const [i, content] of own.slice(0, count).entries()) {
    const alternatives = i % 2 === 0 ? ["Fine.", "I am looking at bicycles."] : [];
    room.say(said(writer, draft, 2 * i, content, { alternatives }));
    await room.answer({ writer, draft, at: 2 * i + 1 }, () => {}, signal);
  }
  return room.open(writer).drafts.find(({ id }) => id === draft)!;
}

const refused = (act: () => unknown, message: RegExp, status = 400) =>
  assert.throws(act, (error: RequestError) => {
    assert.match(error.message, message);
    assert.equal(error.status, status);
    return true;
  });

test("what is written becomes a record that the rest opens, with its alternatives as preferences", async () => {
  const room = makeRoom();
  const draft = await writes(room, "ann", 4);
  assert.equal(draft.notYet, null);
  const path = join(room.directory, "ann.jsonl");
  assert.ok(!existsSync(path));
  const state = room.room.finish({ writer: "ann", draft: draft.id, at: 8, scenario: "helpful" });
  assert.deepEqual([state.finished, state.drafts], [1, []]);

  const [record] = readRecords(path);
  assert.deepEqual(record!.metadata, {
    quality_score: null,
    safety_flags: [],
    scenario_type: "dull", // as this partner is, whatever the writer says
    source: "human",
    generation_model: null,
    num_turns: 8,
  });
  assert.deepEqual(
    record!.turns.filter(({ role }) => role === "user").map(({ content }) => content),
    lines.slice(0, 4),
  );
  assert.match(record!.turns[1]!.content, /choosing a bicycle/);
  assert.equal(readRecordFiles(room.directory).length, 1);
  const unrolled = unrollRecords(readRecords(path), path, { personas, form: "chat" });
  const { rows } = preferenceRows(unrolled);
  assert.equal(rows.length, 4);
  assert.deepEqual(rows[0]!.rejected, [{ role: "assistant", content: "Fine." }]);
});

describe("every turn is in the file before it is answered, and", () => {
  test("the partner's answer is, too; another room goes on from there", async () => {
    const { room, directory } = makeRoom();
    const draft = randomUUID();
    const path = join(directory, "drafts", "ann.json");
    room.say(said("ann", draft, 0, lines[0]!));
    const saved = () => JSON.parse(readFileSync(path, "utf8")) as [{ turns: { content: string }[] }];
    assert.deepEqual(
      saved()[0].turns.map(({ content }) => content),
      [lines[0]],
    );
    // The process was killed here, before the partner answered.
    const again = new WritingRoom({ directory, personas, topics, partners: { quiet: quietPartner } });
    assert.deepEqual(again.contents().writers, ["ann"]);
    const [open] = again.open("ann").drafts;
    assert.deepEqual([open!.id, open!.turns.length], [draft, 1]);
    refused(() => again.say(said("ann", draft, 1, lines[1]!)), /the partner has not answered yet/);
    await again.answer({ writer: "ann", draft, at: 1 }, () => {}, signal);
    assert.equal(saved()[0].turns.length, 2);
    assert.deepEqual(readdirSync(join(directory, "drafts")), ["ann.json"]);
  });

  test("a kill between record and draft neither loses nor doubles what was finished", async () => {
    const room = makeRoom();
    const draft = await writes(room, "ann", 5);
    const path = join(room.directory, "drafts", "ann.json");
    const before = readFileSync(path);
    room.room.finish({ writer: "ann", draft: draft.id, at: 10, scenario: "dull" });
    assert.ok(!existsSync(path));
    writeFileSync(path, before); // as it was before the draft was taken away
    assert.deepEqual(room.room.open("ann").drafts, []);
    refused(
      () => room.room.finish({ writer: "ann", draft: draft.id, at: 10, scenario: "dull" }),
      /went on elsewhere/,
      409,
    );
    assert.equal(readRecords(join(room.directory, "ann.jsonl")).length, 1);
  });

  test("a file that holds something else is named", () => {
    const { room, directory } = makeRoom();
    room.say(said("ann", randomUUID(), 0, lines[0]!));
    writeFileSync(join(directory, "drafts", "ann.json"), '[{"id": "x"}]');
    assert.throws(() => room.open("ann"), /drafts\/ann\.json: no drafts: .*at \[?0\]?\.id/);
    writeFileSync(join(directory, "bob.jsonl"), "{}\n");
    assert.throws(() => room.open("bob"), /bob\.jsonl, line 1: persona_id: is missing/);
  });
});

describe("refused with what is wrong, and nothing kept:", () => {
  const room = makeRoom();
  const { directory } = room;

  test("names that are none, or would lead elsewhere", () => {
    for (const name of ["", "../ann", "a/b", "Ann", "a.b", "con trol", "a".repeat(32), "__proto__"])
      refused(() => room.room.open(name), /is no writer's name: small letters/);
    refused(() => room.room.say(said("../x", randomUUID(), 0, "Hi!")), /is no writer's name/);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("turns that a teacher's dialogue could not have, either", async () => {
    const { id } = await writes(room, "ann", 2);
    const say = (content: string, alternatives: string[] = []) =>
      room.room.say(said("ann", id, 4, content, { alternatives }));
    const file = readFileSync(join(directory, "drafts", "ann.json"), "utf8");
    for (const [message, content, alternatives] of [
      [/what the persona says is empty/, " \n "],
      [/turn 5 says what turn 1 says/, lines[0]!],
      [/unsafe: threat/, "I will kill you!"],
      [/unsafe: private data/, "Points!", ["Write to me@example.org"]],
      [/out of play: "As an AI"/, "As an AI I cannot ride."],
      [/alternatives\[0\]: must be another answer/, "Points!", ["Points!"]],
      [/content: must be .*character/, "Half a \ud83d smile"],
    ] as const)
      refused(() => say(content, alternatives && [...alternatives]), message);
    assert.equal(readFileSync(join(directory, "drafts", "ann.json"), "utf8"), file);
  });

  test("what is not here, and what went on elsewhere", async () => {
    const { id } = await writes(room, "cleo", 1);
    const at0 = (more: object) => said("cleo", randomUUID(), 0, "Hi!", { begins: { ...begins, ...more } });
    refused(
      () => room.room.say(at0({ persona_id: "playfull" })),
      /no persona "playfull".*Did you mean playful/,
    );
    refused(() => room.room.say(at0({ topic: "war" })), /"war" is none of the topics/);
    refused(() => room.room.say(at0({ partner: "toString" })), /no partner "toString" here: there is quiet/);
    refused(() => room.room.say(said("cleo", id, 1, "Hi!")), /went on elsewhere/, 409);
    refused(() => room.room.say(said("cleo", id, 0, "Hi!")), /went on elsewhere/, 409);
    refused(() => room.room.takeBack({ writer: "cleo", draft: randomUUID(), at: 0 }), /elsewhere/, 409);
  });

  test("conversations that are too short, too long, not in the persona's words, or known", async () => {
    const own = makeRoom();
    const short = await writes(own, "ann", 3);
    assert.equal(short.notYet, "6 turns, fewer than 8");
    const finish = (draft: ShownDraft, writer = "ann") =>
      own.room.finish({ writer, draft: draft.id, at: draft.turns.length, scenario: "dull" });
    refused(() => finish(short), /not finished: 6 turns, fewer than 8/);
    const long = await writes(own, "ann", 7);
    refused(() => own.room.say(said("ann", long.id, 14, "More!")), /15 turns, more than 14/);
    finish(long);
    const wordless = await writes(own, "ann", 4, ["a", "b", "c", "d"]);
    assert.match(wordless.notYet!, /4 of 4 turns of the persona are not of its 2 to 35 words/);
    // Somebody else says the same.
    const copied = await writes(own, "bob", 4);
    assert.match(copied.notYet!, /^a duplicate: /);
    refused(() => finish(copied, "bob"), /a duplicate/);
  });
});

test("the last turn is taken back with its answer; a draft without turns goes", async () => {
  const room = makeRoom();
  const draft = await writes(room, "ann", 2);
  const [left] = room.room.takeBack({ writer: "ann", draft: draft.id, at: 4 }).drafts;
  assert.deepEqual(left!.turns, draft.turns.slice(0, 2));
  assert.deepEqual(room.room.takeBack({ writer: "ann", draft: draft.id, at: 2 }).drafts, []);
  assert.ok(!existsSync(join(room.directory, "drafts", "ann.json")));
});

describe("a partner", () => {
  const partner = (answers: string[]): Partner => ({
    about: "a test",
    async answer(_topic, _turns, draw, { onText }) {
      onText(answers[draw]!);
      return answers[draw]!;
    },
  });
  const withAnswers = (answers: string[]) => makeRoom({ scripted: partner(answers) });
  const scripted = { begins: { ...begins, partner: "scripted" } };

  test("that says something harmful, or nothing, is asked again, and what it said is taken back", async () => {
    const { room } = withAnswers(["I will kill you.", "", "How kind!"]);
    const draft = randomUUID();
    room.say(said("ann", draft, 0, "Hi there!", scripted));
    const events: AnswerEvent[] = [];
    const state = await room.answer({ writer: "ann", draft, at: 1 }, (event) => events.push(event), signal);
    assert.equal(state!.drafts[0]!.turns[1]!.content, "How kind!");
    assert.deepEqual(events, [
      { piece: "I will kill you." },
      { again: true },
      { piece: "" },
      { again: true },
      { piece: "How kind!" },
    ]);
  });

  test("that never says anything harmless is given up, and the turn stays saved", async () => {
    const { room } = withAnswers(Array.from({ length: 5 }, () => "I will kill you."));
    const draft = randomUUID();
    room.say(said("ann", draft, 0, "Hi there!", scripted));
    await assert.rejects(
      room.answer({ writer: "ann", draft, at: 1 }, () => {}, signal),
      /no harmless answer to that: take your turn back/,
    );
    assert.equal(room.open("ann").drafts[0]!.turns.length, 1);
  });

  test("whose answer comes too late, or for nobody, changes nothing", async () => {
    let release = () => {};
    const slow: Partner = {
      about: "slow",
      answer: () => new Promise((resolve) => (release = () => resolve("Late!"))),
    };
    const { room } = makeRoom({ scripted: slow });
    const draft = randomUUID();
    room.say(said("ann", draft, 0, "Hi there!", scripted));
    const late = room.answer({ writer: "ann", draft, at: 1 }, () => {}, signal);
    room.takeBack({ writer: "ann", draft, at: 1 });
    release();
    await assert.rejects(late, /went on elsewhere/);
    assert.deepEqual(room.open("ann").drafts, []);

    room.say(said("ann", draft, 0, "Hi there!", scripted));
    const gone = new AbortController();
    const unheard = room.answer({ writer: "ann", draft, at: 1 }, () => {}, gone.signal);
    gone.abort();
    release();
    assert.equal(await unheard, undefined);
    assert.equal(room.open("ann").drafts[0]!.turns.length, 1);
  });
});

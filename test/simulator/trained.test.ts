import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { openChatModel } from "../../src/chat/open";
import { rloo } from "../../src/experiments/methods/rloo";
import { writeRows } from "../../src/corpus/rows";
import { promptRows, unrollRecords } from "../../src/prompts/unroll";
import { judgeReward } from "../../src/rewards/judge";
import { shownTurn } from "../../src/simulator/judged";
import { openPlayers } from "../../src/simulator/players";
import { embeddedSimulator } from "../../src/simulator/embedded";
import { rlMethod, planStudy } from "../../src/simulator/plan";
import { talkedTo } from "../../src/simulator/talked";
import { keepSimulator, trainSimulator } from "../../src/simulator/trained";
import { trainVoices, voiceJudge } from "../../src/simulator/voices";
import { writeTinyChat } from "../chat/tiny-chat";
import { fewRecords, twoPersonas } from "./few-records";

const folder = mkdtempSync(join(tmpdir(), "trained-simulator-"));
after(() => rmSync(folder, { recursive: true }));
const model = writeTinyChat(join(folder, "model"));
const records = fewRecords(["tea", "rain"]);
const data = join(folder, "prompts.jsonl");
writeRows(data, promptRows(unrollRecords(records, "few", { personas: twoPersonas, form: "chat" })));

const config = {
  ...{ model, data, rewards: [{ reward: "given", name: "voice" }], rank: 2, alpha: 4, maxLength: 1000 },
  ...{ iterations: 1, promptsPerIteration: 2, completionsPerPrompt: 2, maxNewTokens: 6, batchSize: 4 },
};
const voice = (seed: number) => ({
  voice: judgeReward(voiceJudge(trainVoices(records, { seed })), shownTurn(twoPersonas)),
});
const runs = join(folder, "runs");

test("a run's folder follows from configuration, data and reward; what is there is found, kept whole, talked to and played", async () => {
  const said: string[] = [];
  const first = await trainSimulator(rloo, config, runs, { rewards: voice(1) });
  const again = await trainSimulator(rloo, config, runs, { rewards: voice(1), say: (one) => said.push(one) });
  assert.equal(again.output, first.output);
  assert.match(said.join("\n"), /holds this run, finished after 1 step: nothing is trained/);
  assert.match(said.join("\n"), /the reward is voice \(voices\)/);
  const others = [
    await trainSimulator(rloo, { ...config, iterations: 2 }, runs, { rewards: voice(1) }),
    await trainSimulator(rloo, config, runs, { rewards: voice(2) }),
  ];
  assert.equal(new Set([first, ...others].map(({ output }) => basename(output))).size, 3);

  const kept = join(folder, "persona_simulator_v2_rl");
  writeFileSync(join(folder, "earlier"), "");
  keepSimulator(kept, others[0]!, twoPersonas);
  keepSimulator(kept, first, twoPersonas.slice(1));
  assert.deepEqual(readdirSync(join(kept, "personas")), ["terse_engineer.json"]);
  for (const name of ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "README.md"])
    assert.ok(existsSync(join(kept, name)), name);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
  );
  assert.ok(
    readdirSync(kept).every((name) => !statSync(join(kept, name)).isDirectory() || name === "personas"),
  );
  const opened = await openChatModel({ model: kept });
  assert.deepEqual(opened.personas, twoPersonas.slice(1));
  await opened.dispose();
  const rows = await talkedTo(kept, ["hello"], 1);
  assert.deepEqual(Object.keys(rows[0]!), ["persona", "hello"]);
  await assert.rejects(
    talkedTo(first.output, ["hello"], 1),
    /plays no personas, as it has no folder personas/,
  );
  assert.throws(
    () => keepSimulator(kept, { ...first, stopped: "interrupted" }, twoPersonas),
    /was stopped before its end; run it again/,
  );

  const players = await openPlayers({
    ...{ model, adapters: { rl: kept }, maxLength: 1000, maxNewTokens: 8 },
  });
  assert.deepEqual(players.names, ["base", "rl"]);
  const situations = twoPersonas.map((persona) => ({ persona, history: [] }));
  const [one, two] = [await players.say("rl", situations, 3), await players.say("rl", situations, 3)];
  assert.deepEqual(one, two);
  assert.deepEqual(
    await players.say("rl", situations.slice(0, 1), 3),
    one.slice(0, 1),
    "whatever else is asked",
  );
  assert.equal((await players.answer([[{ role: "user", content: "hi" }]], 3)).length, 1);
  const long = Array.from({ length: 60 }, (_, i) => ({
    role: i % 2 === 0 ? ("user" as const) : ("assistant" as const),
    content: "a b c d e f g h i j k l",
  }));
  assert.equal((await players.say("base", [{ persona: twoPersonas[0]!, history: long }], 3)).length, 1);
  assert.equal((await players.answer([long.slice(0, -1)], 3)).length, 1);
  await players.dispose();
});

test("a definition that leaves no room is refused with the remedy", async () => {
  const players = await openPlayers({ model, adapters: {}, maxLength: 100, maxNewTokens: 8 });
  await assert.rejects(
    players.say("base", [{ persona: twoPersonas[0]!, history: [] }], 1),
    /the definition of playful with one turn leaves no room.*in 100 tokens: shorten it/,
  );
  await players.dispose();
});

test("a study's numbers are the profile's unless parameters say otherwise; QLoRA is as the study has it", () => {
  const nothing = {
    ...{
      SEED: 1,
      MODEL: "",
      START: "",
      DATA: "",
      RL: "rloo",
      RL_PERSONA: "",
      RANK: 0,
      MAX_STEPS: 0,
      N_PLACES: 0,
      N_ITERATIONS: 0,
      N_DIALOGUES: 0,
      N_TURNS: 0,
    },
  };
  const full = planStudy("full", nothing);
  assert.deepEqual(
    [full.sft.rank, full.sft.alpha, full.sft.loraDropout, full.sft.frozenWeights, full.sft.maxLength],
    [32, 64, 0.1, "nf4", 2048],
  );
  assert.equal(full.rl.klCoefficient, 0.1);
  assert.ok(full.conversations >= 100);
  assert.equal(full.model, "HuggingFaceTB/SmolLM2-135M-Instruct");
  const own = planStudy("quick", { ...nothing, MODEL: model, RANK: 2, MAX_STEPS: 3, N_TURNS: 4 });
  assert.deepEqual(
    [own.model, own.sft.model, own.sft.alpha, own.sft.maxSteps, own.turns],
    [model, model, 4, 3, 4],
  );
  assert.equal(own.start, undefined, "another model has no adapter to go on from");
  const quick = planStudy("quick", nothing);
  assert.equal(quick.sft.adapter, embeddedSimulator);
  assert.deepEqual([quick.sft.rank, quick.sft.alpha], [undefined, undefined], "an adapter has its own rank");
  assert.deepEqual([full.reinforced, quick.reinforced], ["all", "playful"]);
  assert.equal(
    planStudy("quick", { ...nothing, DATA: "mine.jsonl" }).reinforced,
    "all",
    "of one's own data nobody is known",
  );
  assert.equal(planStudy("quick", { ...nothing, RL_PERSONA: "sailor" }).reinforced, "sailor");
  assert.equal(quick.rl.maxLength, quick.maxExample + 32);
  const anew = planStudy("quick", { ...nothing, START: "none" });
  assert.deepEqual([anew.sft.adapter, anew.sft.rank], [undefined, 32]);
  assert.ok(anew.sft.maxSteps > 10 * quick.sft.maxSteps);
  assert.equal(planStudy("full", { ...nothing, START: "outputs/mine" }).sft.adapter, "outputs/mine");
  const ppo = planStudy("quick", { ...nothing, RL: "ppo" }).rl;
  assert.equal(ppo.completionsPerPrompt, 1);
  assert.throws(() => rlMethod("pppo"), /RL=pppo: it is one of rloo, ppo\. Did you mean ppo\?/);
});

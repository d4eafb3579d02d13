import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { playedPersonas, readPersonaSpecs } from "../../src/corpus/specification";
import { sha256File } from "../../src/io/files";
import { readSafetensors } from "../../src/tensors/file";
import { answersAt } from "../../src/simulator/scored";
import { readSimulatorData } from "../../src/simulator/data";
import { embeddedSimulator } from "../../src/simulator/embedded";
import { placesOf, spread } from "../../src/simulator/places";
import { planStudy } from "../../src/simulator/plan";
import { openPlayers } from "../../src/simulator/players";
import { scoreTurns } from "../../src/simulator/scored";
import { playerRows } from "../../src/simulator/compared";
import { halvesByTopic, namingJudge, trainVoices } from "../../src/simulator/voices";

const card = readFileSync(join(embeddedSimulator, "README.md"), "utf8");
const weights = join(embeddedSimulator, "adapter_model.safetensors");
const nothing = {
  ...{ SEED: 13, MODEL: "", START: "", DATA: "", RL: "rloo", RL_PERSONA: "", RANK: 0, MAX_STEPS: 0 },
  ...{ N_ITERATIONS: 0, N_PLACES: 0, N_DIALOGUES: 0, N_TURNS: 0 },
};

test("the card says which adapter this is, and how it was trained", async () => {
  assert.ok(card.includes(await sha256File(weights)));
  const values = [...readSafetensors(weights).tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  assert.ok(card.includes(`${values.toLocaleString("en-US")} parameters`));
  const { sft } = planStudy("quick", { ...nothing, START: "none" });
  const config = JSON.parse(
    readFileSync(join(embeddedSimulator, "adapter_config.json"), "utf8"),
  ) as Record<string, unknown>;
  assert.deepEqual(
    [config["r"], config["lora_alpha"], config["lora_dropout"], config["base_model_name_or_path"]],
    [sft.rank, sft.alpha, sft.loraDropout, "data/chat-model"],
  );
  assert.match(card, new RegExp(`rank ${sft.rank}, α ${sft.alpha}, dropout ${sft.loraDropout}`));
  assert.match(card, /1,200 steps of 8, rate 2e-3 .* seed 13/);
  assert.deepEqual([sft.maxSteps, sft.batchSize, sft.learningRate, sft.seed], [1200, 8, 2e-3, 13]);
});

test("it plays the embedded personas, as their specifications are now", () => {
  assert.deepEqual(playedPersonas(embeddedSimulator), readPersonaSpecs());
});

test("personas are told from its answers as the card says, and not from the base's", async () => {
  const { splits, personas } = readSimulatorData();
  const voice = trainVoices(halvesByTopic(splits.train)[1]!, { name: "second half", seed: 13 });
  const places = spread(placesOf(splits.test, personas, { perDialogue: 1, seed: 13 }), 48);
  const { players: options } = planStudy("quick", nothing);
  const players = await openPlayers({ ...options, adapters: { SFT: embeddedSimulator } });
  const scored = await scoreTurns({ named: namingJudge(voice) }, await answersAt(players, places, 13));
  await players.dispose();
  const rows = playerRows(scored, ["named"], { seed: 13, resamples: 10 });
  const named = (player: string) => rows.find((row) => row.player === player)!.means["named"]!.value;
  const told = card.replaceAll("\n", " ");
  const [, low, high] = /names the persona of its answers .*? in \S+ \[(\S+), (\S+)\]/.exec(told)!.map(Number);
  const [, , most] = /of the base's in (\S+) \[\S+, (\S+)\]/.exec(told)!.map(Number);
  assert.ok(named("SFT") >= low! && named("SFT") <= high!, `SFT ${named("SFT")}`);
  assert.ok(named("base") <= most!, `base ${named("base")}`);
});

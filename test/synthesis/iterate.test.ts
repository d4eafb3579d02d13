import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readDialogues } from "../../src/corpus/jsonl";
import { loadCorpus } from "../../src/corpus/spc/load";
import { copyingCritic, faithfulnessCritic, formCritic } from "../../src/synthesis/critics";
import { bestByVotes, compareAll, scoringExpert, wordExperts } from "../../src/synthesis/experts";
import type { Generator } from "../../src/synthesis/generator";
import {
  ablate,
  chooseAgain,
  costOf,
  keptIn,
  leftOutInTurn,
  madeIn,
  makeDialogues,
  type MakeOptions,
  MakingInterrupted,
  rejectedIn,
} from "../../src/synthesis/iterate";
import { statisticsOf, writeMadeCorpus } from "../../src/synthesis/output";
import { dialogue, sour } from "./fakes";

const facts: [string[], string[]][] = ["rye", "oat", "wheat", "corn"].map((grain) => [
  [`I bake ${grain} bread.`],
  ["I sail a boat."],
]);
const seeds = [dialogue("seed", facts[0]!, "Hi.", "Hello.", "Bread?", "Boats?", "Bye.")];

/** Writes by what it is asked alone: the third candidate recites, the second one contradicts, and what it learned shows. */
function fakeGenerator(events: string[], fail: { at?: string } = {}): Generator {
  let learned = 0;
  return {
    name: "fake",
    fingerprint: "fake",
    learn(pool, iteration) {
      events.push(`learn ${iteration} from ${pool.length}`);
      learned = pool.length;
      return Promise.resolve(iteration);
    },
    write(pairs, candidates, seed) {
      events.push(`write ${seed}`);
      if (fail.at === `write ${seed}`) return Promise.reject(new Error("killed"));
      return Promise.resolve(
        pairs.map(([[fact]], pair) =>
          Array.from({ length: candidates }, (_, i) => ({
            text: [
              `User 1: Hello ${seed} ${learned}.`,
              "User 2: Who bakes here?",
              `User 1: ${i === 2 ? fact! : i === 1 ? `Me, and it is sour.` : "That is me, every day."}`,
              `User 2: Lovely ${i} ${pair}! Do you sell any?`,
              "User 1: At the market, thanks for asking.",
              "User 2: See you",
            ].join(" "),
            isCut: true,
            usage: { promptTokens: 10, completionTokens: 20 + i },
          })),
        ),
      );
    },
  };
}

const options = (directory: string, generator: Generator): MakeOptions => ({
  ...{ directory, seed: 13, iterations: 3, candidates: 4, learnFrom: 4, pairs: facts, seeds, generator },
  critics: [formCritic, copyingCritic, faithfulnessCritic(sour, 0.5)],
  experts: wordExperts(sour).map(scoringExpert),
});

test("candidates are dropped by critics, the best of the others is kept and joins the pool", async () => {
  const folder = mkdtempSync(join(tmpdir(), "making-"));
  try {
    const events: string[] = [];
    const iterations = await makeDialogues(options(folder, fakeGenerator(events)));
    assert.deepEqual(events, [
      "learn 1 from 1",
      "write 13001",
      "learn 2 from 3",
      "write 13002",
      "learn 3 from 3",
      "write 13003",
    ]);
    assert.deepEqual(
      iterations.map(({ learned }) => learned.made),
      [0, 2, 2],
    );
    for (const { pairs } of iterations)
      for (const { candidates, kept } of pairs) {
        assert.deepEqual(
          candidates.map(({ reasons }) => Object.keys(reasons)),
          [[], ["faithfulness"], ["copying"], []],
        );
        assert.ok(kept === 0 || kept === 3);
        assert.equal(candidates[kept]!.dialogue.turns.length, 5, "the turn that was cut is left out");
      }
    assert.equal(keptIn(iterations[0]!).length, 4);
    const made = madeIn(iterations);
    assert.deepEqual(
      made.map(({ id }) => id.split("-candidate")[0]),
      [1, 2, 3, 4].map((pair) => `iteration-3-pair-${pair}`),
    );
    const rejected = rejectedIn(iterations, options(folder, fakeGenerator([])).critics);
    assert.equal(
      rejected.length + iterations.flatMap(keptIn).length,
      3 * 4 * 4,
      "every candidate is somewhere",
    );
    const by = (critic: string) => rejected.filter((one) => one.critic === critic);
    assert.deepEqual([by("faithfulness").length, by("copying").length, by("experts").length], [12, 12, 12]);
    assert.match(by("experts")[0]!.reason, /they prefer iteration-1-pair-1-candidate-/);
    const [cost] = costOf(iterations);
    assert.deepEqual(
      [cost!.candidates, cost!.kept, cost!["tokens written a kept one"], cost!["seconds learning"]],
      [16, 4, 20 + 21 + 22 + 23, 1],
    );

    const place = join(folder, "corpus");
    const paths = writeMadeCorpus(place, made, rejected, 13);
    const { splits } = await loadCorpus({ directory: place });
    assert.deepEqual([splits.train.length, splits.valid.length, splits.test.length], [2, 1, 1]);
    const all = Object.values(splits).flat();
    assert.deepEqual(
      all
        .map(({ turns }) => turns.map(({ speaker, text }) => ({ speaker, text })))
        .map((turns) => JSON.stringify(turns))
        .sort(),
      made.map(({ turns }) => JSON.stringify(turns)).sort(),
    );
    assert.deepEqual(
      new Set(all.map(({ personas }) => personas[0].facts[0])),
      new Set(facts.map(([[fact]]) => fact)),
    );
    assert.deepEqual(readDialogues(paths.dialogues), made);
    assert.equal(readFileSync(paths.rejected, "utf8").trim().split("\n").length, rejected.length);
    assert.throws(
      () => writeMadeCorpus(place, made.slice(0, 2), [], 1),
      /2 dialogues were kept: a corpus of train, valid and test needs three/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a run that was killed or stopped goes on, writes nothing twice, and ends with the same dialogues", async () => {
  const [whole, cut] = [mkdtempSync(join(tmpdir(), "making-")), mkdtempSync(join(tmpdir(), "making-"))];
  try {
    const expected = await makeDialogues(options(whole, fakeGenerator([])));
    await assert.rejects(makeDialogues(options(cut, fakeGenerator([], { at: "write 13002" }))), /killed/);
    const stop = new AbortController();
    await assert.rejects(
      makeDialogues({
        ...options(cut, fakeGenerator([])),
        signal: stop.signal,
        onIteration: ({ iteration }) => iteration === 2 && stop.abort(),
      }),
      MakingInterrupted,
    );
    const events: string[] = [];
    const found = await makeDialogues(options(cut, fakeGenerator(events)));
    assert.deepEqual(
      events.filter((event) => event.startsWith("write")),
      ["write 13003"],
    );
    const plain = (all: typeof found) => JSON.stringify(all.map(({ seconds: _, ...one }) => one));
    assert.equal(plain(found), plain(expected));
    assert.deepEqual(readdirSync(cut).sort(), readdirSync(whole).sort());
    const other = await makeDialogues({ ...options(cut, fakeGenerator(events)), candidates: 3 });
    assert.equal(other[0]!.pairs[0]!.candidates.length, 3, "other settings find nothing of these");
  } finally {
    rmSync(whole, { recursive: true });
    rmSync(cut, { recursive: true });
  }
});

test("one stored pool is judged again without critics or experts", async () => {
  const candidates = [{ faithfulness: "x" }, {}, {}, { copying: "y" }].map((reasons) => ({
    reasons,
  })) as never;
  const votes = [
    { first: 0, second: 1, votes: { depth: "first", coherence: "first" } },
    { first: 0, second: 2, votes: { depth: "first", coherence: "first" } },
    {
      first: 1,
      second: 2,
      votes: { depth: "second", coherence: "tie", diversity: "first", likability: "second" },
    },
  ] as never;
  assert.equal(chooseAgain({ candidates, votes }), 2);
  assert.equal(chooseAgain({ candidates, votes }, { critics: ["faithfulness"] }), 0);
  assert.equal(chooseAgain({ candidates, votes }, { experts: ["depth", "likability"] }), 1);
  assert.equal(
    chooseAgain({ candidates, votes }, { experts: ["depth", "coherence", "diversity", "likability"] }),
    1,
  );
  assert.equal(chooseAgain({ candidates: [candidates[3]] as never, votes: [] }), undefined);
});

test("an ablation leaves out each critic but the form, each expert, and all; and says how often the choice is the same", async () => {
  const folder = mkdtempSync(join(tmpdir(), "making-"));
  try {
    const chosen = options(folder, fakeGenerator([]));
    const iterations = await makeDialogues({ ...chosen, iterations: 1 });
    const all = leftOutInTurn(chosen.critics, [{ name: "depth" }, { name: "diversity" }]);
    assert.deepEqual(
      all.map(({ choice }) => choice),
      [
        "all of them",
        "without copying",
        "without faithfulness",
        "without the expert on depth",
        "without the expert on diversity",
        "without experts",
        "without critics and experts",
      ],
    );
    const [complete] = all;
    assert.deepEqual(ablate(iterations, complete!), { dialogues: keptIn(iterations[0]!), same: 1 });
    const first = ablate(iterations, {
      critics: chosen.critics.map(({ name }) => name),
      experts: chosen.experts.map(({ name }) => name),
    });
    assert.deepEqual(
      first.dialogues.map(({ id }) => id.endsWith("candidate-1")),
      [true, true, true, true],
    );
    const statistics = statisticsOf(keptIn(iterations[0]!), 3);
    assert.deepEqual(
      [statistics.dialogues, statistics["turns a dialogue"], statistics["facts a persona"]],
      [4, 5, 1],
    );
    assert.ok(statistics["different words in as many turns"] < 12);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("most comparisons won wins, then most votes, then the first", () => {
  const vote = (first: number, second: number, ...votes: string[]) =>
    ({
      first,
      second,
      votes: Object.fromEntries(votes.map((one, i) => [String(i), one])),
    }) as never;
  assert.equal(
    bestByVotes([0, 1, 2], [vote(0, 1, "second"), vote(0, 2, "first"), vote(1, 2, "second", "second")]),
    2,
  );
  assert.equal(bestByVotes([0, 1], [vote(0, 1, "tie")]), 0);
  assert.equal(bestByVotes([], []), undefined);
});

test("experts prefer by what they measure, whichever order they are asked in", async () => {
  const a: [string[], string[]] = [["I bake."], ["I sail."]];
  const pairs: Record<string, [ReturnType<typeof dialogue>, ReturnType<typeof dialogue>]> = {
    depth: [
      dialogue("1", a, "The harbour lights froze.", "Fishermen drank coffee."),
      dialogue("2", a, "It is so.", "Is it so."),
    ],
    coherence: [
      dialogue("1", a, "My boat is old.", "Old boats sink."),
      dialogue("2", a, "My boat is old.", "Cats sleep."),
    ],
    consistency: [
      dialogue("1", a, "It is mild.", "Ah.", "It is sweet."),
      dialogue("2", a, "It is sour.", "Ah.", "It is sweet."),
    ],
    diversity: [dialogue("1", a, "One two three four."), dialogue("2", a, "One two one two one two.")],
    likability: [dialogue("1", a, "How are you?", "Lovely, thanks."), dialogue("2", a, "Cold.", "Yes.")],
  };
  for (const expert of wordExperts(sour).map(scoringExpert)) {
    const [better, worse] = pairs[expert.name]!;
    assert.equal(await expert.vote(better, worse), "first", expert.name);
    assert.equal(await expert.vote(worse, better), "second", expert.name);
    assert.equal(await expert.vote(better, better), "tie", expert.name);
  }
  const all = await compareAll(
    [pairs["depth"]![0], pairs["depth"]![1], pairs["depth"]![0]],
    [scoringExpert(wordExperts(sour)[0]!)],
  );
  assert.deepEqual(
    all.map(({ first, second, votes }) => [first, second, votes["depth"]]),
    [
      [0, 1, "first"],
      [0, 2, "tie"],
      [1, 2, "second"],
    ],
  );
});

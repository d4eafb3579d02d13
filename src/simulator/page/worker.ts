/** The model of the page, in a thread of its own: what is typed and drawn does not wait for it. */
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  env,
  InterruptableStoppingCriteria,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  Tensor,
  TextStreamer,
} from "@huggingface/transformers";
import { simulatorSituation } from "../../prompts/situation";
import { messageOf } from "../../web/dom";
import type { Asked, PageSettings, PageTurn, Told } from "./settings";

interface Opened {
  readonly settings: PageSettings;
  readonly tokenizer: PreTrainedTokenizer;
  readonly model: PreTrainedModel;
}

const tell = (told: Told) => postMessage(told);
const stopping = new InterruptableStoppingCriteria();
let opened: Opened | undefined;

async function open(base: string, settings: PageSettings): Promise<void> {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = new URL(base).pathname;
  // A worker that was started from a blob has no address that a path could be taken from.
  env.fetch = (path: RequestInfo | URL, init?: RequestInit) =>
    fetch(new URL(path instanceof Request ? path.url : path, base), init);
  env.useBrowserCache = false;
  env.useWasmCache = false;
  const { wasm } = env.backends.onnx;
  if (!wasm) throw new Error("this browser has no WebAssembly");
  wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", base).href };
  wasm.numThreads = 1; // more would share memory, which servers have to allow
  const tokenizer = await AutoTokenizer.from_pretrained("model");
  const model = (await AutoModelForCausalLM.from_pretrained("model", {
    dtype: settings.dtype,
    device: "wasm",
    progress_callback: (info) => {
      if (info.status === "progress" && info.file.endsWith(".onnx"))
        tell({ kind: "loading", share: info.progress / 100 });
    },
  })) as PreTrainedModel;
  const forward = model.forward.bind(model);
  model.forward = async (inputs) => {
    await othersTurn();
    return forward(inputs) as Promise<unknown>;
  };
  opened = { settings, tokenizer, model };
  tell({ kind: "ready" });
}

/** Lets what came meanwhile be heard: the model answers token after token without a pause. */
const othersTurn = () =>
  new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve();
    port2.postMessage(undefined);
  });

/** The prompt of a persona's turn, in tokens; a history that is too long loses its oldest turns. */
function promptOf(
  { settings, tokenizer }: Opened,
  persona: number,
  history: readonly PageTurn[],
): { readonly ids: readonly number[]; readonly forgotten: number } {
  const { id, before, after } = settings.personas[persona]!;
  const room = settings.limit - settings.maxNewTokens;
  for (let forgotten = 0; forgotten < Math.max(1, history.length); forgotten++) {
    const text = before + simulatorSituation(id, history.slice(forgotten)) + after;
    const ids = [...settings.start, ...tokenizer.encode(text, { add_special_tokens: false })];
    if (ids.length <= room) return { ids, forgotten };
  }
  throw new Error(`that is too long for the model's ${settings.limit} tokens: say it in parts`);
}

async function answer(number: number, persona: number, history: readonly PageTurn[]): Promise<void> {
  if (!opened) throw new Error("the model is not there yet");
  const { settings, tokenizer, model } = opened;
  const { ids, forgotten } = promptOf(opened, persona, history);
  stopping.reset();
  let text = "";
  const streamer = new TextStreamer(tokenizer, {
    skip_prompt: true,
    skip_special_tokens: true,
    callback_function: (piece: string) => {
      text += piece;
      tell({ kind: "piece", number, text: piece });
    },
  });
  const int64 = (values: readonly number[]) =>
    new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
  const { temperature, topK, maxNewTokens } = settings;
  await model.generate({
    input_ids: int64(ids),
    attention_mask: int64(ids.map(() => 1)),
    max_new_tokens: maxNewTokens,
    ...(temperature > 0 ? { do_sample: true, temperature, top_k: topK } : { do_sample: false }),
    stopping_criteria: stopping,
    streamer,
  } as Parameters<PreTrainedModel["generate"]>[0]);
  tell({ kind: "answered", number, text: text.trim(), forgotten });
}

/** Answers one after another: a question that comes while another is answered waits. */
let working = Promise.resolve();

addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  if (data.kind === "stop") return stopping.interrupt();
  const number = data.kind === "answer" ? { number: data.number } : {};
  working = working
    .then(() =>
      data.kind === "open" ? open(data.base, data.settings) : answer(data.number, data.persona, data.history),
    )
    .catch((error: unknown) => tell({ kind: "failed", ...number, problem: messageOf(error) }));
});

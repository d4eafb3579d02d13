import { BLOCK, countNonFinite, elementCount, GgufFile, refuseNonFinite, UNREAD } from "../../tensors";
import { splitRotaryPairs } from "../layers";
import type { ModelFile } from "../model-file";
import { readGgufConfig, ROPE_FACTORS } from "./config";
import { parameterName, rotaryPart } from "./names";
import { readGgufTokenizer } from "./tokenizer";

/**
 * Opens a GGUF file of a Llama, Qwen2 or Qwen3. The header is read and everything that is not supported refused by name:
 * the kind of model, its features, tensors that no such model has, types of elements. Parameters are read when asked
 * for; the rows of q and k, which Llamas' files keep with their rotary pairs joined, come in the order of Hugging Face.
 */
export function openGguf(path: string): ModelFile {
  const file = new GgufFile(path);
  try {
    const config = readGgufConfig(file);
    const tensors = new Map<string, string>();
    for (const [tensor, { type, shape }] of file.entries) {
      if (tensor === ROPE_FACTORS) continue;
      const name = parameterName(tensor);
      if (name === undefined) throw new Error(`${path}: tensor ${tensor} is not one of a ${config.kind}'s`);
      if (!file.isReadable(tensor)) throw new Error(`${path}: tensor ${tensor} is ${type.name}, ${UNREAD}`);
      const heads = headsOf(name);
      if (heads !== undefined && shape[0]! % (2 * heads) !== 0)
        throw new Error(
          `${path}: tensor ${tensor} has ${shape[0]} rows, which are not ${heads} heads of an even size`,
        );
      tensors.set(name, tensor);
    }

    /** The heads of a parameter whose rows are to be put in order. */
    function headsOf(name: string): number | undefined {
      const part = config.joinsPairs ? rotaryPart(name) : undefined;
      return part && (part === "q" ? config.heads : config.keyValueHeads);
    }

    return {
      path,
      configFile: config.configFile,
      generationConfigFile: config.generationConfigFile,
      shapes: new Map([...tensors].map(([name, tensor]) => [name, file.entries.get(tensor)!.shape])),
      get(name) {
        const tensor = tensors.get(name);
        if (tensor === undefined) return undefined;
        const { dtype, shape, data } = file.readFloat32(tensor);
        refuseNonFinite(path, tensor, countNonFinite(data), data.length);
        const heads = headsOf(name);
        if (heads !== undefined) splitRotaryPairs(data, heads, elementCount(shape.slice(1)));
        return { dtype, shape, data };
      },
      locate(name) {
        const tensor = tensors.get(name);
        if (tensor === undefined || headsOf(name) !== undefined) return undefined;
        const { type, shape, begin } = file.entries.get(tensor)!;
        if (type.name !== "F32" || begin % 4 !== 0 || !file.isAtPath()) return undefined;
        refuseNonFinite(path, tensor, file.countNonFinite(tensor), elementCount(shape));
        return { dtype: "float32", shape, path, offset: begin };
      },
      rounded(name) {
        const tensor = tensors.get(name);
        const codes = tensor === undefined ? undefined : file.readCodes(tensor);
        if (tensor === undefined || !codes) return undefined;
        const { type, shape } = file.entries.get(tensor)!;
        const [rows, width] = [shape[0]!, elementCount(shape.slice(1))];
        for (const floats of [codes.scales, codes.minimums ?? new Float32Array(0)])
          refuseNonFinite(path, tensor, countNonFinite(floats), floats.length);
        const heads = headsOf(name);
        if (heads !== undefined) {
          splitRotaryPairs(codes.codes, heads, width);
          splitRotaryPairs(codes.scales, heads, width / BLOCK);
          if (codes.minimums) splitRotaryPairs(codes.minimums, heads, width / BLOCK);
        }
        const values = codes.bits === 8 ? codes.codes : packed(codes.codes);
        const each = { dtype: "float32", shape: [rows, width / BLOCK] } as const;
        return {
          scheme: type.name,
          tensors: {
            [`${name}.values`]: {
              dtype: "uint8",
              shape: [rows, width / BLOCK, (BLOCK * codes.bits) / 8],
              data: values,
            },
            [`${name}.scales`]: { ...each, data: codes.scales },
            ...(codes.minimums && { [`${name}.minimums`]: { ...each, data: codes.minimums } }),
          },
        };
      },
      tokenizer: () => readGgufTokenizer(file.metadata),
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** 4-bit codes two by two, the first of each pair in the low half of a byte. */
function packed(codes: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: codes.length / 2 }, (_, i) => codes[2 * i]! | (codes[2 * i + 1]! << 4));
}

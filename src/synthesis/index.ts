/** Where new dialogues come from: personas made of attributes, pairs, a generator and its critics, and what came of it. */
export * from "./attributes";
export * from "./beside";
export * from "./clusters";
export * from "./contradicts";
export * from "./critics";
export * from "./dialogues";
export * from "./evaluate";
export * from "./experts";
export * from "./generator";
export * from "./iterate";
export * from "./output";
export * from "./pairing";
export * from "./profiles";
export * from "./queries";
export * from "./scorer";
export * from "./steps";
export * from "./vectors";

/** A part of the prompts that pages share: it needs nothing of Node. */
export * from "./situation";

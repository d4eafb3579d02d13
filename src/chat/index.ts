/** Talking with a model as a persona: in a terminal, in a notebook, line by line from a pipe. */
export * from "./begun";
export * from "./conversation";
export * from "./form";
export * from "./introduce";
export * from "./notebook";
export * from "./open";
export * from "./persona";
export * from "./self-chat";
export * from "./stream";
export * from "./talk";

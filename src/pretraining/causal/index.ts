export * from "./chat-template";
export * from "./from-t5";
export * from "./mixture";
export * from "./pretraining";

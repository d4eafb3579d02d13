export * from "./mixture";
export * from "./pretraining";

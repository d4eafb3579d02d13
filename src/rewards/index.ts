/** Rewards: how good a completion is, by a rule or by a judge. */
export { asConversation, personasOf } from "./about";
export * from "./coverage";
export * from "./judge";
export * from "./kept";
export * from "./length";
export * from "./named";
export * from "./ownership";
export * from "./reward";
export * from "./reward-model";
export * from "./weighted";
export * from "./word";

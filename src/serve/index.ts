/** This project's models behind the chat API that everybody speaks. */
export * from "./http";
export * from "./local";
export * from "./loopback";
export * from "./open-source";
export * from "./served";

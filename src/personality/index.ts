/** Personality: traits that personas have, that prompts tell, and that what is said shows. */
export * from "./big5";
export * from "./compare";
export * from "./control";
export * from "./data";
export * from "./instruction";
export * from "./label";
export * from "./leakage";
export * from "./mixture";
export * from "./persona-chat";
export * from "./scoring";
export * from "./sentiment";
export * from "./situations";
export * from "./speakers";
export * from "./talks";
export * from "./trait-rows";
export * from "./traits";
export * from "./twins";

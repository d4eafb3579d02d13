/** How likely a causal model finds a text, and what that says of it. Whoever judges or rewards asks here. */
export * from "./fluency";
export * from "./follow-ups";
export * from "./likelihood";

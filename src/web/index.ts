/** Pages of this project's own, which a browser shows: their scripts. */
export * from "./bundle";

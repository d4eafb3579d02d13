// Loaded before every test file: property tests draw the same cases at every run. FAST_CHECK_SEED=7 npm test draws others.
const fc = require("fast-check");

fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 13) });

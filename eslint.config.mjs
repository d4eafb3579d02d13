// What the linter looks for: mistakes, not taste (Prettier has that). `npm run check` runs it; an editor with ESLint shows it.
import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";
import house from "./scripts/check/rules.mjs";

/** node:test waits for the tests that are declared. */
const nodeTest = { from: "package", package: "node:test", name: ["test", "describe", "suite"] };

export default defineConfig(
  globalIgnores(["outputs", "data", ".cache", ".tslab", "**/*.d.ts"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  eslint.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { house },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "house/floors": "error",
      "house/tags": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: [nodeTest] }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // An assertion that says no more than the types say is no mistake; without some of them a value would be `any`.
      "@typescript-eslint/no-unnecessary-type-assertion": "off",
      // The compiler says it, with the same exceptions for every reader: noUnusedLocals, noUnusedParameters.
      "@typescript-eslint/no-unused-vars": "off",
      // Control characters are what the files that name them look for.
      "no-control-regex": "off",
      // A function that an interface wants to be asynchronous need not wait for anything.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["**/*.{js,cjs,mjs}"],
    languageOptions: {
      globals: Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"])),
    },
  },
  {
    files: ["**/*.cjs", "shims/**/*.js"],
    languageOptions: { sourceType: "commonjs", globals: { __dirname: "readonly" } },
  },
);

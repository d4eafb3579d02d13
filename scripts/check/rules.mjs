// The project's own rules for ESLint. Plain JavaScript, so that ESLint reads them without a compiler.
import { importedFile, importFault } from "./floors.mjs";

/** Imports keep to the order of the house: floors.mjs has it. */
const floors = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const check = ({ source }) => {
      if (!source?.value?.startsWith?.(".")) return;
      const message = importFault(context.filename, importedFile(context.filename, source.value));
      if (message) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};

/** Forms of docstrings that no tool reads, each with what is to stand there instead. */
const looseForms = [
  [/[^\s*] +@(default|throws|example)\b/, "a tag begins its line: after other text it is text"],
  [/@throws(?! \{\w+\} \S)/, "write `@throws {RangeError} if …`: the error in braces, and when it is thrown"],
  [/@throws.*[^.]\.\s*$/, "what is thrown ends without a full stop"],
  [/@default\s*$/, "write `@default 0.1`: a value"],
  [/@example +\S/, "`@example` has a line of its own, and the code begins on the next"],
  [
    /[;,*] [^;,]*\bby default\.|[;,] by default\b|\bDefault(:| \S+\.\s*$)|\((the )?default[):]/,
    "write `@default 0.1` on a line of its own",
  ],
];

/** `@default`, `@throws` and `@example` in one form, which editors know. */
const tags = {
  meta: { type: "suggestion", schema: [] },
  create(context) {
    const check = ({ value, loc }) => {
      for (const [i, text] of value.split("\n").entries())
        for (const [form, message] of looseForms)
          if (form.test(text)) context.report({ loc: { line: loc.start.line + i, column: 0 }, message });
    };
    const isDocstring = ({ type, value }) => type === "Block" && value.startsWith("*");
    return { Program: () => context.sourceCode.getAllComments().filter(isDocstring).forEach(check) };
  },
};

export default { rules: { floors, tags } };

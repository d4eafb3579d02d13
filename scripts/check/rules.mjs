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

export default { rules: { floors } };

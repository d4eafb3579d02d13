/** npm run export: writes a model, with an adapter merged into it if one is named, in the form that another program opens. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { formatBytes } from "../src/display";
import {
  type ExportForm,
  exportTransformersJs,
  modelCard,
  statedLicence,
  type TransformersJsVariant,
  transformersJsVariants,
  writeModelCard,
} from "../src/export";
import { checkWritable, filesOf, shownPath } from "../src/io";
import { mergeAdapter, readAdapter } from "../src/models";

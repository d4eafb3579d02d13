import { createRequire } from "node:module";

export interface Shown {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
  transient: { display_id: string };
  update: boolean;
}

/** Runs `body` as a notebook kernel would and returns what it displayed. */
export function capture(body: () => void): Shown[] {
  const tslab = createRequire(__filename)("tslab/dist/jupyter") as { lastWriteDisplayData: unknown };
  const shown: Shown[] = [];
  tslab.lastWriteDisplayData = (content: Omit<Shown, "update">, update: boolean) =>
    void shown.push({ ...content, update });
  try {
    body();
  } finally {
    tslab.lastWriteDisplayData = null;
  }
  return shown;
}

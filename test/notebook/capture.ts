import { createRequire } from "node:module";

export interface Shown {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
  transient: { display_id: string };
  update: boolean;
}

/** Runs `body` as a notebook kernel would and returns what it displayed. */
export function capture(body: () => void): Shown[] {
  const { shown, end } = begin();
  try {
    body();
  } finally {
    end();
  }
  return shown;
}

/** The same for what takes a while. */
export async function captureAsync(body: () => Promise<void>): Promise<Shown[]> {
  const { shown, end } = begin();
  try {
    await body();
  } finally {
    end();
  }
  return shown;
}

function begin(): { shown: Shown[]; end: () => void } {
  const tslab = createRequire(__filename)("tslab/dist/jupyter") as { lastWriteDisplayData: unknown };
  const shown: Shown[] = [];
  tslab.lastWriteDisplayData = (content: Omit<Shown, "update">, update: boolean) =>
    void shown.push({ ...content, update });
  return { shown, end: () => (tslab.lastWriteDisplayData = null) };
}

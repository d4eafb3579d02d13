import { formatDuration } from "../display";

const number = (print: (value: number) => string) => (value: unknown) => {
  if (typeof value !== "number") throw new TypeError(`${JSON.stringify(value)} is not a number`);
  return print(value)
    .replace(/^-(?=[\d.]*[1-9])/, "−")
    .replace(/^-/, "");
};

/** A value as text, whatever it is. */
function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean);
}

/** How a value of a file is printed in a paper; a minus is a minus sign, not a hyphen. */
export const formats = {
  integer: number((value) => Math.round(value).toLocaleString("en-US")),
  decimal1: number((value) => value.toFixed(1)),
  decimal2: number((value) => value.toFixed(2)),
  decimal3: number((value) => value.toFixed(3)),
  /** Of a difference: with its sign. */
  signed3: number((value) => `${value > 0 ? "+" : ""}${value.toFixed(3)}`),
  /** As it is, such as a learning rate: `0.0001`, `1e-7`. */
  plain: number(String),
  /** A share of 1: `95 %`. */
  percent: number((value) => `${Number((100 * value).toFixed(1))} %`),
  /** The same in a column of percentages. */
  share: number((value) => (100 * value).toFixed(1)),
  pValue: number((value) => (value < 0.001 ? "< 0.001" : value.toFixed(3))),
  duration: number(formatDuration),
  bytes: number((value) =>
    value < 1e5 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`,
  ),
  /** Of an ISO 8601 time. */
  day: (value: unknown) => asText(value).slice(0, 10),
  /** The first twelve digits of a checksum. */
  checksum: (value: unknown) => asText(value).slice(0, 12),
  text: asText,
} as const;

export type Format = keyof typeof formats;

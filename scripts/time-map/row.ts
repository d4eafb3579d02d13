/** A row of the map of time: a job of a size, ours, the best peer of the same run, and what the machine could do at best. */
export interface MapRow {
  readonly group: string;
  readonly job: string;
  readonly size: string;
  readonly unit: Unit;
  readonly ours?: number;
  readonly peer?: { readonly name: string; readonly value: number };
  readonly limit?: { readonly of: string; readonly value: number };
  /** Peak memory in MiB. */
  readonly memory?: { readonly ours: number; readonly peer?: number };
  /** Why a figure is missing. */
  readonly missing?: string;
}

export type Unit = "s" | "ms" | "tokens/s" | "queries/s";

/** Whether more is better. */
export const isRate = (unit: Unit): boolean => unit.endsWith("/s");

/** How many times as fast as `other` something is, both in the same unit. */
export const timesAsFast = (unit: Unit, own: number, other: number): number =>
  isRate(unit) ? own / other : other / own;

/** How many times as fast as its peer a job is. */
export const timesThePeer = ({ unit, ours, peer }: MapRow): number | undefined =>
  ours !== undefined && peer ? timesAsFast(unit, ours, peer.value) : undefined;

/** Which share of the limit a job reaches: 1 where nothing is left to win. */
export const shareOfLimit = ({ unit, ours, limit }: MapRow): number | undefined =>
  ours !== undefined && limit ? timesAsFast(unit, ours, limit.value) : undefined;

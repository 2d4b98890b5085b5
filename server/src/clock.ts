/** Where all of Latchkey reads the time: injected, so that tests move it instead of sleeping. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** RFC 3339 in UTC, as times stand in JSON bodies; null stays null. */
export function toTimestamp(timeMs: number): string;
export function toTimestamp(timeMs: number | null): string | null;
export function toTimestamp(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt](?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;
/** RFC 3339 §5.6 has four digits for the year: no later time can be shown again. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Reads an RFC 3339 time; null when it is none, or names a day that does not exist. */
export function parseTimestampMs(text: string): number | null {
  if (!RFC_3339.test(text)) return null;
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs) || timeMs > LAST_MS) return null;
  const day = Number(text.slice(8, 10));
  const lastDay = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  return day <= lastDay ? timeMs : null;
}

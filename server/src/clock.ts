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

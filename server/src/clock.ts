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
  if (timeMs === null) return null;
  const day = Math.floor(timeMs / DAY_MS);
  if (!Number.isInteger(timeMs) || day < 0 || timeMs > LAST_MS) return new Date(timeMs).toISOString();
  if (day !== knownDay.number) knownDay = { number: day, text: new Date(timeMs).toISOString().slice(0, 11) };
  return knownDay.text + timeOfDay(timeMs - day * DAY_MS);
}

const DAY_MS = 86_400_000;
/** Times in replies are mostly of one day: its calendar is worked out once. */
let knownDay = { number: -1, text: '' };
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
const THREE_DIGITS = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

function timeOfDay(sinceMidnightMs: number): string {
  const seconds = Math.floor(sinceMidnightMs / 1000);
  const minutes = Math.floor(seconds / 60);
  const clock = `${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}`;
  return `${clock}.${THREE_DIGITS[sinceMidnightMs % 1000]}Z`;
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

/** The source of a JSON Schema `pattern` for durations: digits and one of `s`, `m`, `h`, `d`. */
export const DURATION_PATTERN: string = String.raw`^\d+[smhd]$`;

const DURATION = new RegExp(DURATION_PATTERN);
const LONGEST_TEXT = 13;
const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 36_525 * UNITS_MS.d;

/**
 * Reads a duration like `90s`, `15m`, `24h`, `30d` as milliseconds (a day has 24 hours).
 * Gives null when the text has another form or more than 12 digits, when it is more than 100 years (36,525 days),
 * and when it is zero, unless `allowZero`.
 */
export function parseDurationMs(text: string, options: { allowZero?: boolean } = {}): number | null {
  if (text.length > LONGEST_TEXT || !DURATION.test(text)) return null;
  const unitMs = UNITS_MS[text.slice(-1) as keyof typeof UNITS_MS];
  const ms = Number(text.slice(0, -1)) * unitMs;
  if (ms > LONGEST_MS || (ms === 0 && options.allowZero !== true)) return null;
  return ms;
}

/**
 * Writes milliseconds as a duration in the largest unit that says it exactly: 5,400,000 is `90m`; zero is `0s`.
 * @throws RangeError when `ms` is negative or not a whole number of seconds.
 */
export function formatDuration(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0 || ms % UNITS_MS.s !== 0) {
    throw new RangeError('A duration is a whole number of seconds.');
  }
  if (ms === 0) return '0s';
  for (const unit of ['d', 'h', 'm'] as const) {
    if (ms % UNITS_MS[unit] === 0) return `${ms / UNITS_MS[unit]}${unit}`;
  }
  return `${ms / UNITS_MS.s}s`;
}

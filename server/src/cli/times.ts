import { parseDurationMs } from '@latchkey/protocol';
import { type Clock, parseTimestampMs } from '../clock.ts';
import { UsageError } from './refusal.ts';

/** An RFC 3339 time, a day (its first moment in UTC), or a duration before now such as `24h`. Null when not given. */
export function readTimeMs(option: string, text: string | undefined, clock: Clock, path: string): number | null {
  if (text === undefined) return null;
  const agoMs = parseDurationMs(text);
  if (agoMs !== null) return clock.nowMs() - agoMs;
  const timeMs = parseTimestampMs(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
  if (timeMs !== null) return timeMs;
  throw new UsageError(`--${option} is a time such as 2030-01-31T12:00:00Z, a day, or a duration such as 24h`, path);
}

/** A time for a table: `2030-01-31 12:00Z`. */
export function toMinute(timestamp: string | null): string | null {
  return timestamp === null ? null : `${timestamp.slice(0, 16).replace('T', ' ')}Z`;
}

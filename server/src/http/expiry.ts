import { parseDurationMs } from '@latchkey/protocol';
import { parseTimestampMs } from '../clock.ts';
import { invalidField } from '../failure.ts';

/** When something is to end, as a body may say it: at a time, after a span, or with null never. */
export interface WantedExpiry {
  expires_at?: string | null | undefined;
  expires_in?: string | null | undefined;
}

/**
 * The wanted end in milliseconds since 1970; null for never, undefined when the body says nothing of it. Throws
 * `validation_failed` for both at once, and for what is no RFC 3339 time or duration.
 */
export function expiryOf({ expires_at: at, expires_in: span }: WantedExpiry, nowMs: number): number | null | undefined {
  if (at != null && span != null) throw invalidField('expires_in', 'cannot be given together with expires_at');
  if (at != null) {
    const timeMs = parseTimestampMs(at);
    if (timeMs === null) throw invalidField('expires_at', 'must be an RFC 3339 time such as 2030-01-31T12:00:00Z');
    return timeMs;
  }
  if (span != null) {
    const spanMs = parseDurationMs(span);
    if (spanMs === null) throw invalidField('expires_in', 'must be a duration of at least 1s, such as 90d');
    return nowMs + spanMs;
  }
  return at === undefined && span === undefined ? undefined : null;
}

import type { Spending } from './decision.ts';

const HOUR_SECONDS = 3600;

function secondsUntil(timeMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((timeMs - nowMs) / 1000));
}

/**
 * What a limited reply tells (draft-ietf-httpapi-ratelimit-headers: structured fields), the `X-RateLimit-*` of the
 * hour, and when refused `Retry-After` (RFC 9110 §10.2.3: whole seconds).
 */
export function limitHeaders(spending: Spending, nowMs: number): Record<string, string> {
  const { limits, hourRemaining, hourResetAtMs, secondRemaining } = spending;
  const policies: string[] = [];
  const states: string[] = [];
  const headers: Record<string, string> = {};
  if (limits.perHour !== null) {
    const remaining = hourRemaining ?? 0;
    policies.push(`"hour";q=${limits.perHour};w=${HOUR_SECONDS}`);
    states.push(`"hour";r=${remaining};t=${secondsUntil(hourResetAtMs, nowMs)}`);
    headers['x-ratelimit-limit'] = String(limits.perHour);
    headers['x-ratelimit-remaining'] = String(remaining);
    headers['x-ratelimit-reset'] = String(Math.ceil(hourResetAtMs / 1000));
  }
  if (limits.perSecond !== null) {
    policies.push(`"second";q=${limits.perSecond};w=1`);
    states.push(`"second";r=${secondRemaining ?? 0};t=1`);
  }
  if (policies.length > 0) {
    headers['ratelimit-policy'] = policies.join(', ');
    headers.ratelimit = states.join(', ');
  }
  if (!spending.allowed) headers['retry-after'] = String(Math.max(1, Math.ceil(spending.retryAfterMs / 1000)));
  return headers;
}

import { parseList } from 'structured-headers';
import { expect } from 'vitest';
import type { TestReply } from '../harness.ts';

/** What a reply tells of limits, read as draft-ietf-httpapi-ratelimit-headers says and not as we write it. */
export interface Told {
  /** Per policy: quota and window in seconds. */
  policies: Record<string, { q: number; w: number }>;
  /** Per policy: remaining, and seconds to the reset. */
  states: Record<string, { r: number; t: number }>;
  /** The hour by its older headers; null when the reply has none of them. */
  hour: { limit: number; remaining: number; resetSeconds: number } | null;
  retryAfter: number | null;
}

const LIMIT_HEADERS = [
  'ratelimit',
  'ratelimit-policy',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'retry-after',
];

function numbersIn(headers: Headers, name: string, wanted: readonly string[]): Record<string, Record<string, number>> {
  const items = parseList(headers.get(name) ?? '').map(([value, parameters]) => {
    expect(typeof value, `${name}: a policy's name is a String`).toBe('string');
    expect([...parameters.keys()], name).toEqual(wanted);
    for (const number of parameters.values()) expect(number, name).toSatisfy(Number.isInteger);
    return [String(value), Object.fromEntries(parameters)] as const;
  });
  expect(new Set(items.map(([policy]) => policy)).size, name).toBe(items.length);
  return Object.fromEntries(items) as Record<string, Record<string, number>>;
}

function wholeNumber(headers: Headers, name: string): number | null {
  const text = headers.get(name);
  if (text === null) return null;
  expect(text, name).toMatch(/^\d+$/);
  return Number(text);
}

export function toldIn({ headers, status }: Pick<TestReply, 'headers' | 'status'>): Told {
  const policies = numbersIn(headers, 'ratelimit-policy', ['q', 'w']) as Told['policies'];
  const states = numbersIn(headers, 'ratelimit', ['r', 't']) as Told['states'];
  expect(Object.keys(states)).toEqual(Object.keys(policies));
  const [limit, remaining, resetSeconds] = ['limit', 'remaining', 'reset'].map((name) =>
    wholeNumber(headers, `x-ratelimit-${name}`),
  );
  expect([limit, remaining, resetSeconds].map((each) => each === null)).toEqual(Array(3).fill(!policies.hour));
  const hour = policies.hour ? ({ limit, remaining, resetSeconds } as NonNullable<Told['hour']>) : null;
  expect([hour?.limit, hour?.remaining]).toEqual([policies.hour?.q, states.hour?.r]);
  const retryAfter = wholeNumber(headers, 'retry-after');
  if (status === 429) expect(retryAfter, 'Retry-After on 429').toBeGreaterThanOrEqual(1);
  return { policies, states, hour, retryAfter };
}

/** Asserts that a reply tells nothing of limits: it belongs to no bucket. */
export function expectUnlimited({ headers, status }: TestReply): void {
  expect(status).not.toBe(429);
  expect(LIMIT_HEADERS.filter((name) => headers.has(name))).toEqual([]);
}

/** The code of an error reply in any of the renderings. */
export function codeOf({ json }: Pick<TestReply, 'json'>): string | undefined {
  return json?.error?.reason ?? json?.error ?? json?.title;
}

/** How often each value occurs. */
export function tally(values: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** How many replies had which status. */
export function statuses(replies: readonly { status: number }[]): Record<string, number> {
  return tally(replies.map(({ status }) => status));
}

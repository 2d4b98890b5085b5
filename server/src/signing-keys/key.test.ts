import fc from 'fast-check';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, test } from 'vitest';
import { createEnvelope, pooledRandom } from '../crypto/index.ts';
import { ALGORITHM_NAMES } from './algorithms.ts';
import {
  dutiesAt,
  isPublished,
  jwkOf,
  lastTokenGoneMs,
  newKeyRow,
  PUBLISHED_FIRST_MS,
  ROTATION_INTERVAL_MS,
} from './key.ts';
import type { SigningKeyRow } from './tables.ts';

const randomBytes = pooledRandom();
const envelope = createEnvelope([{ id: 'k1', bytes: randomBytes(32) }], randomBytes);

function row(values: Partial<SigningKeyRow>): SigningKeyRow {
  return {
    kid: 'kid',
    algorithm: 'ES256',
    state: 'active',
    public_jwk: '{}',
    private_key_sealed: null,
    created_at: 0,
    active_at: 0,
    retired_at: null,
    expires_at: null,
    ...values,
  };
}

test.each(ALGORITHM_NAMES)(
  'a new %s key is named by its RFC 7638 thumbprint and shows public members only',
  async (name) => {
    const made = await newKeyRow(name, envelope, { state: 'next', created_at: 1, active_at: null });
    const jwk = jwkOf(made);
    expect(made.kid).toBe(await calculateJwkThumbprint(jwk));
    expect(Object.keys(jwk)).toEqual(expect.arrayContaining(['kty', 'kid', 'alg', 'use']));
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) expect(jwk).not.toHaveProperty(secret);
    expect(() => envelope.unseal(made.private_key_sealed ?? '', 'signing_keys.private_key:other')).toThrow();
  },
);

describe('what is due', () => {
  const times = fc.integer({ min: 0, max: 3 * ROTATION_INTERVAL_MS });

  test('is no promotion of a key that verifiers had no time to see', () => {
    fc.assert(
      fc.property(times, times, fc.option(times), times, (activeAt, createdAt, scheduledAt, nowMs) => {
        const rows = [
          row({ kid: 'a', active_at: activeAt }),
          row({ kid: 'n', state: 'next', created_at: createdAt, active_at: scheduledAt }),
        ];
        const [duty] = dutiesAt(rows, nowMs);
        const wasSeen = nowMs - createdAt >= PUBLISHED_FIRST_MS;
        const isTime = nowMs - activeAt >= ROTATION_INTERVAL_MS || (scheduledAt !== null && scheduledAt <= nowMs);
        expect(duty?.deed === 'promote').toBe(wasSeen && isTime);
      }),
    );
  });

  test('is a next key where there is none, and nothing where an algorithm is not in use', () => {
    expect(dutiesAt([], 1)).toEqual([]);
    expect(dutiesAt([row({})], 1)).toEqual([{ algorithm: 'ES256', deed: 'prepare' }]);
    expect(dutiesAt([row({ state: 'previous' })], 1)).toEqual([]);
    const first = row({ state: 'next', algorithm: 'RS256', active_at: PUBLISHED_FIRST_MS });
    expect(dutiesAt([first], PUBLISHED_FIRST_MS - 1)).toEqual([]);
    expect(dutiesAt([first], PUBLISHED_FIRST_MS)).toEqual([{ algorithm: 'RS256', deed: 'promote' }]);
  });
});

test('a key is published until its last token has expired for every verifier, unless it was revoked', () => {
  const goneMs = lastTokenGoneMs(1000);
  expect(goneMs - 1000).toBeGreaterThan((86_400 + 300) * 1000);
  const previous = row({ state: 'previous', retired_at: 1000, expires_at: goneMs });
  expect([isPublished(previous, goneMs - 1), isPublished(previous, goneMs)]).toEqual([true, false]);
  expect(isPublished(row({ state: 'revoked', expires_at: goneMs }), 1001)).toBe(false);
  expect([isPublished(row({}), 1e15), isPublished(row({ state: 'next' }), 1e15)]).toEqual([true, true]);
});

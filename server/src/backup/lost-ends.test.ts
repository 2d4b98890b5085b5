import { expect, test } from 'vitest';
import { lostEndsOf } from './lost-ends.ts';
import type { RecordedEvent } from './revocations.ts';

const NOW_MS = 1_000_000;
let made = 0;

function event(action: string, targetId: string | null, data: Record<string, unknown> = {}): RecordedEvent {
  made += 1;
  return { id: `evt_${made}`, action, targetId, atMs: 1000 + made, data };
}

const updated = (id: string, after: object) => event('api_key.updated', id, { changed: Object.keys(after), after });

test('what narrowed a key beside its end is told as lost, and its end is not', () => {
  const { keys, others } = lostEndsOf(
    [
      updated('a', { expires_at: 5000, scopes: '["read"]' }),
      updated('b', { disabled: 1 }),
      updated('c', { scopes: '[]' }),
    ],
    NOW_MS,
  );
  expect(keys).toMatchObject([
    { keyId: 'a', expiresAtMs: 5000 },
    { keyId: 'b', isDisabled: true },
  ]);
  expect(others).toBe(2);
});

test('the first end of a key counts, and one that was disabled and made active again is active', () => {
  const { keys, others } = lostEndsOf(
    [
      event('api_key.rotated', 'a', { predecessor_ends_at: 900_000 }),
      event('api_key.revoked', 'a', { reason: 'leaked' }),
      event('api_key.rotated', 'b', { predecessor_ends_at: 2_000_000 }),
      updated('c', { disabled: 1 }),
      updated('c', { disabled: 0 }),
      event('api_key.deleted', 'd'),
      event('audit.key_created', null),
    ],
    NOW_MS,
  );
  expect(
    keys.map(({ keyId, revokedAtMs, expiresAtMs, isDisabled }) => [keyId, revokedAtMs, expiresAtMs, isDisabled]),
  ).toEqual([
    ['a', expect.any(Number), null, false],
    ['b', null, 2_000_000, false],
    ['c', null, null, false],
    ['d', expect.any(Number), null, false],
  ]);
  expect(keys[0]?.revokedAtMs).toBeLessThan(NOW_MS / 2);
  expect(others).toBe(1);
});

test('of applications, issuers, grants and people what ended is told, and what changed beside it is lost', () => {
  const { objects, others } = lostEndsOf(
    [
      event('application.deleted', 'a'),
      event('application.updated', 'b', { changed: [], disabled: true }),
      event('application.updated', 'c', { changed: [], disabled: true }),
      event('application.updated', 'c', { changed: [], disabled: false }),
      event('application.updated', 'd', { changed: ['scopes'], disabled: true }),
      event('application.secret_revoked', 'e', { secret_id: 'cs_1' }),
      event('application.secret_created', 'e', { secret_id: 'cs_2', overlap_ms: 5000 }),
      event('application.secret_created', 'e', { secret_id: 'cs_3', overlap_ms: null }),
      event('trusted_issuer.deleted', 'iss_1'),
      event('grant.revoked', 'grt_1'),
      event('grant.created', 'grt_2'),
      event('user.disabled', 'usr_1'),
      event('user.disabled', 'usr_2'),
      event('user.enabled', 'usr_2'),
      event('user.deleted', 'usr_3'),
    ],
    NOW_MS,
  );
  const blank = { isDeleted: false, isDisabled: false, secretIds: [], secretsEndAtMs: null };
  expect(objects).toEqual({
    applications: [
      { ...blank, clientId: 'a', isDeleted: true },
      { ...blank, clientId: 'b', isDisabled: true },
      { ...blank, clientId: 'c' },
      { ...blank, clientId: 'd', isDisabled: true },
      { ...blank, clientId: 'e', secretIds: ['cs_1'], secretsEndAtMs: expect.any(Number) },
    ],
    issuerIds: ['iss_1'],
    grantIds: ['grt_1'],
    userIds: ['usr_1', 'usr_3'],
  });
  // Scopes that were narrowed, a secret that was added, a grant that was made.
  expect(others).toBe(3);
});

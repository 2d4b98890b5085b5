import { expect, test } from 'vitest';
import { SERVICE_SECONDS } from './grants/client-credentials.ts';
import { ttlSecondsOf } from './lifetime.ts';

const resource = { accessTokenTtlSeconds: 900 };

test.each([
  [null, {}, 900],
  [3600, {}, 3600],
  [null, SERVICE_SECONDS, 300],
  [450, SERVICE_SECONDS, 450],
  [3600, SERVICE_SECONDS, 600],
])('an application that says %s, under %j, has tokens of %s seconds', (accessTokenTtlSeconds, bounds, expected) => {
  expect(ttlSecondsOf({ accessTokenTtlSeconds }, resource, bounds)).toBe(expected);
});

test('nothing lives longer than a day', () => {
  expect(ttlSecondsOf({ accessTokenTtlSeconds: 1_000_000 }, resource)).toBe(86_400);
});

import { expect, test } from 'vitest';
import { SERVICE_LIFETIME } from './grants/client-credentials.ts';
import { ttlSecondsOf } from './lifetime.ts';

test.each([
  [null, null, null],
  [3600, null, 3600],
  [null, SERVICE_LIFETIME, 300],
  [450, SERVICE_LIFETIME, 450],
  [3600, SERVICE_LIFETIME, 600],
])('an application that says %s, under %j, has tokens of %s seconds', (accessTokenTtlSeconds, bounds, expected) => {
  expect(ttlSecondsOf({ accessTokenTtlSeconds }, bounds)).toBe(expected);
});

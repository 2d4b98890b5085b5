import { afterEach, expect, test } from 'vitest';
import { manualClock, startServer, stopServers } from '../harness.ts';

afterEach(stopServers);

test('of a flood of passwords some are checked; the rest is told to come again, without a line in the log', async () => {
  const server = await startServer({ clock: manualClock() });
  const guess = (index: number) => {
    const json = { username: `nobody-${index}@example.com`, password: 'wrong guess' };
    return server.call('/v1/auth/login', { key: null, json });
  };
  const replies = await Promise.all(Array.from({ length: 90 }, (_, index) => guess(index)));
  const refused = replies.filter(({ status }) => status === 503);
  expect(refused.length).toBeGreaterThan(0);
  for (const { headers } of refused) expect(headers.get('retry-after')).toBe('1');
  const checked = replies.filter(({ status }) => status === 401);
  expect(checked.length).toBeGreaterThanOrEqual(66);
  expect(checked.length + refused.length).toBe(90);
  expect(server.logLines.filter((line) => line.includes('request failed'))).toEqual([]);
  // What was turned away was no guess.
  expect((await guess(0)).status).toBe(401);
});

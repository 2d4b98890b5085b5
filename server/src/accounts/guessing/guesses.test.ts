import { expect, test } from 'vitest';
import { manualClock } from '../../../test/harness.ts';
import { createMemoryLimiter } from '../../limits/index.ts';
import { createGuesses, GUESSES_PER_HOUR } from './guesses.ts';

const addressOf = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

test.each(['sign_up', 'recover'] as const)('%s ends for all networks together, and for that alone', async (kind) => {
  const clock = manualClock();
  const guesses = createGuesses({ limiter: createMemoryLimiter({ clock }), clock });
  for (let index = 0; index < GUESSES_PER_HOUR.requestsOfEverybody; index += 1) {
    await guesses.request(kind, addressOf(index));
  }
  const limited = expect.objectContaining({ code: 'rate_limit_exceeded' });
  await expect(guesses.request(kind, '192.0.2.1')).rejects.toEqual(limited);
  await guesses.request('link', '192.0.2.1');
  clock.advance(3_600_000);
  await guesses.request(kind, '192.0.2.1');
});

test('guesses at passwords end for all accounts and networks together', async () => {
  const clock = manualClock();
  const guesses = createGuesses({ limiter: createMemoryLimiter({ clock }), clock });
  const guess = (index: number, knownDevice: string | null = null) =>
    guesses.password({ address: addressOf(index), emailKey: `nobody${index}@example.com`, knownDevice });
  for (let index = 0; index < GUESSES_PER_HOUR.everybody; index += 1) await guess(index);
  await expect(guess(70_000)).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
  // Not for who is at a device that they know; and a refused guess has used up nothing of the account's.
  await guess(70_000, 'device');
  clock.advance(3_600_000);
  for (let count = 0; count < GUESSES_PER_HOUR.account; count += 1) await guess(70_000);
});

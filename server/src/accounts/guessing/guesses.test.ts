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

import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { RandomBytes } from './crypto/index.ts';

/** What does not come from settings: injected, so that tests move time and choose randomness. */
export interface Surroundings {
  clock: Clock;
  randomBytes: RandomBytes;
  log: Logger;
  version: string;
}

import { Failure } from '../failure.ts';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const ARGON2ID = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A PHC string with its own salt, computed off the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2');
  return hash(password, ARGON2ID);
}

/** Of no password: what is checked where there is no account, so that it takes as long as where there is one. */
export const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IHdhcyBoZXJl$8mSg5Qpr1JBC3qEvFyaYXWm8mZ1oMRkCI1yZ2eVnM2E';

const MAX_AT_ONCE = 2;
const MAX_WAITING = 64;

/** Slow hashes, a few at a time: a flood of them must not take the processor from everybody else. */
export interface SlowHashes {
  /** bcrypt or argon2, by the form of the hash. Throws `unavailable` when too many wait already. */
  verify(hash: string, text: string): Promise<boolean>;
  /** argon2id of a new password, under the same bound. */
  hash(text: string): Promise<string>;
}

async function verifyNow(hash: string, text: string): Promise<boolean> {
  try {
    if (hash.startsWith('$argon2')) {
      const { verify } = await import('@node-rs/argon2');
      return await verify(hash, text);
    }
    const { verify } = await import('@node-rs/bcrypt');
    return await verify(text, hash);
  } catch {
    return false;
  }
}

export function createSlowHashes(): SlowHashes {
  let running = 0;
  const waiting: (() => void)[] = [];
  /** Whoever waits longest takes the place that becomes free: it is never free for a newcomer in between. */
  const handOn = () => {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  };
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < MAX_AT_ONCE) running += 1;
    else {
      if (waiting.length >= MAX_WAITING) {
        throw new Failure('unavailable', 'Too many passwords are being checked. Try again.', { retryAfterSeconds: 1 });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      handOn();
    }
  };
  return {
    verify: (hash, text) => inTurn(() => verifyNow(hash, text)),
    hash: (text) => inTurn(() => hashPassword(text)),
  };
}

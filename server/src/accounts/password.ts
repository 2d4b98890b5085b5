import { Failure } from '../failure.ts';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const ARGON2ID = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A PHC string with its own salt, computed off the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2');
  return hash(password, ARGON2ID);
}

const MAX_AT_ONCE = 2;
const MAX_WAITING = 64;

/** Verifies slow hashes, a few at a time: a flood of them must not take the processor from everybody else. */
export interface SlowHashes {
  /** bcrypt or argon2, by the form of the hash. Throws `unavailable` when too many wait already. */
  verify(hash: string, text: string): Promise<boolean>;
}

async function verifyNow(hash: string, text: string): Promise<boolean> {
  if (hash.startsWith('$argon2')) {
    const { verify } = await import('@node-rs/argon2');
    return verify(hash, text);
  }
  const { verify } = await import('@node-rs/bcrypt');
  return verify(text, hash);
}

export function createSlowHashes(): SlowHashes {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    verify: async (hash, text) => {
      if (running >= MAX_AT_ONCE) {
        if (waiting.length >= MAX_WAITING) {
          throw new Failure('unavailable', 'Too many slow hashes are being checked. Try again.', {
            retryAfterSeconds: 1,
          });
        }
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      running += 1;
      try {
        return await verifyNow(hash, text);
      } catch (error) {
        if (error instanceof Failure) throw error;
        return false;
      } finally {
        running -= 1;
        waiting.shift()?.();
      }
    },
  };
}

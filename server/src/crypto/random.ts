import { randomFillSync } from 'node:crypto';

/** Cryptographically strong random bytes; injected, so that tests can seed it. */
export type RandomBytes = (count: number) => Uint8Array;

const POOL_BYTES = 8192;

/** Random bytes drawn from a pool, which is some twenty times cheaper than a system call for each request. */
export function pooledRandom(): RandomBytes {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return (count) => {
    if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
    if (used + count > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + count);
    pool.fill(0, used, used + count);
    used += count;
    return bytes;
  };
}

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
export const ARGON2ID = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A PHC string with its own salt, computed off the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2');
  return hash(password, ARGON2ID);
}

/** Of no password: what is checked where there is no account, so that it takes as long as where there is one. */
export const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IHdhcyBoZXJl$8mSg5Qpr1JBC3qEvFyaYXWm8mZ1oMRkCI1yZ2eVnM2E';

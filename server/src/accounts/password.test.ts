import { verify } from '@node-rs/argon2';
import { expect, test } from 'vitest';
import { hashPassword } from './password.ts';

test('a password is kept as argon2id with OWASP parameters and its own salt', async () => {
  const hashes = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
  for (const hash of hashes) {
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]+\$[^$]+$/);
    expect(hash).not.toContain('correct horse');
    expect(await verify(hash, 'correct horse')).toBe(true);
    expect(await verify(hash, 'correct horsE')).toBe(false);
  }
  expect(hashes[0]).not.toBe(hashes[1]);
});

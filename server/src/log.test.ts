import { mintSecret } from '@latchkey/protocol';
import { expect, test } from 'vitest';
import { pooledRandom } from './crypto/index.ts';
import { createLog } from './log.ts';

test('a key or token that stands in an error all the same is cut out of the line', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => void lines.push(line) });
  const key = mintSecret('secret_test', pooledRandom());
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'ES256', typ: 'at+jwt' })}.${part({ sub: 'usr_1' })}.${'s'.repeat(86)}`;
  log.error({ err: new Error(`could not send ${key} and ${token}, or "${token}"`) }, token);
  const [line = ''] = lines;
  expect(line).not.toContain(key);
  for (const segment of token.split('.')) expect(line).not.toContain(segment);
  expect(line).toContain('sk_test_[redacted]');
  expect(line.match(/eyJ\[redacted\]/g)?.length).toBeGreaterThanOrEqual(3);
  expect(JSON.parse(line).err.message).toContain('could not send');
});

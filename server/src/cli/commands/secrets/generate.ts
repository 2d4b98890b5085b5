import { mintSecret } from '@latchkey/protocol';
import { command } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';

export const secretsGenerate = command({
  path: 'secrets generate',
  summary: 'Print a root key and an encryption key for a production server',
  text: ['Keep what it prints in your secret store; nothing is saved.'],
  examples: [{ line: 'latchkey secrets generate', what: 'Two lines, NAME=value' }],
  run: async ({ host, out }) => {
    const { clock, randomBytes } = host;
    const day = new Date(clock.nowMs()).toISOString().slice(0, 10);
    out(`LATCHKEY_ROOT_KEY=${mintSecret('root', randomBytes)}\n`);
    // As LATCHKEY_ENCRYPTION_KEYS wants it: `id:base64(32 bytes)`.
    out(`LATCHKEY_ENCRYPTION_KEYS=${day}:${Buffer.from(randomBytes(32)).toString('base64')}\n`);
    return EXIT.done;
  },
});

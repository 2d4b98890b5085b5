import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { showSigningKey } from './present.ts';

const path = 'signing-keys get';

export const signingKeysGet = command({
  path,
  summary: 'Show one signing key, with its public half as PEM (root key)',
  examples: [
    { line: 'latchkey signing-keys get 9Yk0kCVWmh0eRKPDVu6nM1yTVCgvQDHMWN3MZGWNjCQ', what: 'By the `kid` of a token' },
    {
      line: 'latchkey signing-keys get -- -Yk0kCVWmh0eRKPDVu6nM1yTVCgvQDHMWN3MZGWNjCQ',
      what: 'One that begins with a dash',
    },
  ],
  positionals: { id: { value: 'ID', description: 'The id of the key: the `kid` in the header of its tokens' } },
  options: serverOptions,
  run: async (context) => {
    const { id } = context.positionals;
    if (!/^[\w-]{1,64}$/.test(id)) {
      throw new UsageError('the id of a signing key is letters, digits, dashes and underscores', path);
    }
    const api = await context.openApi();
    const reply = await api.call(`/v1/signing-keys/${id}`);
    showSigningKey(context, reply, { json: context.options.json, hasPem: true });
    return EXIT.done;
  },
});

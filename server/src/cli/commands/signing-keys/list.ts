import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { type SigningKeyJson, signingKeyColumns } from './present.ts';

export const signingKeysList = command({
  path: 'signing-keys list',
  summary: 'List the keys that sign tokens, newest first (root key)',
  examples: [{ line: 'latchkey signing-keys list', what: 'Which signs now, and which comes next' }],
  options: serverOptions,
  run: async (context) => {
    const api = await context.openApi();
    const reply = await api.call('/v1/signing-keys');
    if (context.options.json) context.out(`${reply.text.trimEnd()}\n`);
    else context.table(signingKeyColumns(context), (reply.json as { data: SigningKeyJson[] }).data);
    return EXIT.done;
  },
});

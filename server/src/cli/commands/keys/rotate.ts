import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { prepareSecret, secretOptions } from '../../new-secret.ts';
import { workspaceOption } from './fields.ts';
import { inWorkspace, keyPath, keyPositional } from './one.ts';
import { showNewKey } from './present.ts';

const path = 'keys rotate';

export const keysRotate = command({
  path,
  summary: 'Make the successor of a key; both work until the overlap ends',
  text: ['The successor takes over everything, expiry and counts included. Its secret is treated as by `keys create`.'],
  examples: [
    { line: 'latchkey keys rotate key_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'The old one works for another day' },
    {
      line: 'latchkey keys rotate key_0PsCLkhMzXMMWHq3EmLUIWHL --overlap 0s --secret-file new-key.txt',
      what: 'After a leak: the old one ends now',
    },
  ],
  positionals: keyPositional,
  options: {
    overlap: { type: 'text', value: 'DURATION', description: 'How long the old key goes on', default: '24h' },
    ...workspaceOption,
    ...secretOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = `${keyPath(positionals.id, path)}/rotate`;
    const body = { overlap: options.overlap, ...inWorkspace(options.workspace) };
    const api = await context.openApi();
    const place = prepareSecret(context, path);
    try {
      showNewKey(context, await api.call(target, { method: 'POST', body }), place, options.json);
      return EXIT.done;
    } finally {
      place.end();
    }
  },
});

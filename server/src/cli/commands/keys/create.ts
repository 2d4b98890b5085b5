import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { prepareSecret, secretOptions } from '../../new-secret.ts';
import { environmentChoices, settableBody, settableOptions, workspaceOption } from './fields.ts';
import { showNewKey } from './present.ts';

const path = 'keys create';

export const keysCreate = command({
  path,
  summary: 'Make a key, and show its secret once',
  text: [
    'On a terminal the secret is shown. Elsewhere it goes to --secret-file, or to stdout with --show-secret; ' +
      'without either nothing is made.',
  ],
  examples: [
    { line: 'latchkey keys create --name reporting --scope read', what: 'A test key that reads' },
    {
      line: 'latchkey keys create --name deploy --scope read --environment live --expires-in 90d --secret-file key.txt',
      what: 'In a script: the secret goes to a file that only you may read',
    },
    {
      line: 'latchkey keys create --name ci --scope read --json --show-secret | jq -r .key',
      what: 'The secret, for the next program',
    },
    {
      line: 'latchkey keys create --name acme --scope read --per-hour 500 --quota 100000/month --metadata plan=gold',
      what: 'With its own limits (root key)',
    },
  ],
  options: {
    name: { type: 'text', value: 'NAME', description: 'What it is called', required: true },
    scope: { type: 'list', value: 'SCOPE', description: 'What it may do: `latchkey scopes list`', required: true },
    type: {
      type: 'text',
      value: 'TYPE',
      description: 'A restricted key can never manage anything',
      default: 'secret',
      choices: ['secret', 'restricted'],
    },
    environment: { type: 'text', value: 'ENVIRONMENT', description: 'Whose data it sees', choices: environmentChoices },
    ...workspaceOption,
    ...settableOptions,
    'all-workspaces': { type: 'flag', description: 'For your own servers: sees every workspace (root key)' },
    ...secretOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options } = context;
    const { name, scope: scopes, type, environment, workspace } = options;
    const body = {
      name,
      scopes,
      type,
      ...(environment === undefined ? {} : { environment }),
      ...(workspace === undefined ? {} : { workspace_id: workspace }),
      ...(options['all-workspaces'] ? { all_workspaces: true } : {}),
      ...settableBody(options, path),
    };
    const api = await context.openApi();
    const place = prepareSecret(context, path);
    try {
      showNewKey(context, await api.call('/v1/api-keys', { method: 'POST', body }), place, options.json);
      return EXIT.done;
    } finally {
      place.end();
    }
  },
});

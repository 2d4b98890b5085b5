import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { prepareSecret, type SecretPlace, secretOptions } from '../../new-secret.ts';
import { settableBody, settableOptions, workspaceOption } from './fields.ts';
import { inWorkspace } from './one.ts';
import { showNewApplication } from './present.ts';

const path = 'applications create';

/** Nobody waits for a secret that there will not be. */
const NO_SECRET: SecretPlace = { isShown: false, keep: () => {}, end: () => {} };

export const applicationsCreate = command({
  path,
  summary: 'Register an application, and show its client secret once',
  text: [
    'web keeps a secret and acts for people; public (a page) and native (on a device) keep none; service acts for itself.',
    'On a terminal the secret is shown. Elsewhere it goes to --secret-file, or to stdout with --show-secret; ' +
      'without either nothing is made.',
  ],
  examples: [
    {
      line: 'latchkey applications create --name Shop --scope openid --scope read --redirect-uri https://shop.example/cb',
      what: 'A web application',
    },
    {
      line: 'latchkey applications create --name CLI --type native --scope read --redirect-uri http://127.0.0.1/cb',
      what: 'A program on a device; any port will do',
    },
    {
      line: 'latchkey applications create --name billing --type service --scope orders:read --secret-file secret.txt',
      what: 'In a script: the secret goes to a file that only you may read',
    },
  ],
  options: {
    name: { type: 'text', value: 'NAME', description: 'What people are shown', required: true },
    scope: { type: 'list', value: 'SCOPE', description: 'What it may ask for: `latchkey scopes list`', required: true },
    type: {
      type: 'text',
      value: 'TYPE',
      description: 'What kind of program it is',
      default: 'web',
      choices: ['web', 'public', 'native', 'service'],
    },
    environment: { type: 'text', value: 'ENVIRONMENT', description: 'Whose data it sees', choices: ['test', 'live'] },
    ...settableOptions,
    ...workspaceOption,
    ...secretOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options } = context;
    const { name, scope: scopes, type, environment } = options;
    const body = {
      name,
      scopes,
      type,
      ...(environment === undefined ? {} : { environment }),
      ...settableBody(options),
      ...inWorkspace(options.workspace),
    };
    const api = await context.openApi();
    const hasSecret = (type === 'web' || type === 'service') && options['auth-method'] !== 'private_key_jwt';
    const place = hasSecret ? prepareSecret(context, path) : NO_SECRET;
    try {
      showNewApplication(context, await api.call('/v1/applications', { method: 'POST', body }), place, options.json);
      return EXIT.done;
    } finally {
      place.end();
    }
  },
});

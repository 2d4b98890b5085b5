import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { prepareSecret, secretOptions } from '../../new-secret.ts';
import { expiryBody, expiryOptions, workspaceOption } from './fields.ts';
import { applicationPath, applicationPositional, inWorkspace } from './one.ts';
import { showNewSecret } from './present.ts';

const path = 'applications secrets create';

export const applicationSecretsCreate = command({
  path,
  summary: 'Give an application another client secret, and show it once',
  text: ['Two live at most. With --overlap those so far end after it, so that the new one takes their place.'],
  examples: [
    { line: 'latchkey applications secrets create app_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Beside the one it has' },
    {
      line: 'latchkey applications secrets create app_0PsCLkhMzXMMWHq3EmLUIWHL --overlap 24h --secret-file secret.txt',
      what: 'Rotate: the old one is good for another day',
    },
    {
      line: 'latchkey applications secrets create app_0PsCLkhMzXMMWHq3EmLUIWHL --overlap 0s',
      what: 'After a leak: the old ones end now',
    },
  ],
  positionals: applicationPositional,
  options: {
    overlap: { type: 'text', value: 'DURATION', description: 'End those so far after this long, such as 24h or 0s' },
    ...expiryOptions,
    ...workspaceOption,
    ...secretOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = `${applicationPath(positionals.id, path)}/secrets`;
    const { overlap } = options;
    const body = {
      ...(overlap === undefined ? {} : { overlap }),
      ...expiryBody(options, path),
      ...inWorkspace(options.workspace),
    };
    const api = await context.openApi();
    const place = prepareSecret(context, path);
    try {
      showNewSecret(context, await api.call(target, { method: 'POST', body }), place, options.json);
      return EXIT.done;
    } finally {
      place.end();
    }
  },
});

import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { idInPath } from '../../ids.ts';
import { workspaceOption } from './fields.ts';
import { applicationPath, applicationPositional, inWorkspace } from './one.ts';

const path = 'applications secrets delete';

export const applicationSecretsDelete = command({
  path,
  summary: 'End a client secret now',
  examples: [
    {
      line: 'latchkey applications secrets delete app_0PsCLkhMzXMMWHq3EmLUIWHL sec_0PsCLkhMzXMMWHq3EmLUIWHL',
      what: 'Asks first',
    },
  ],
  positionals: { ...applicationPositional, secret: { value: 'SECRET_ID', description: 'The id of the secret, sec_…' } },
  options: { ...workspaceOption, ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals, err } = context;
    const secret = idInPath('client_secret', positionals.secret, path);
    const target = `${applicationPath(positionals.id, path)}/secrets/${secret}`;
    const api = await context.openApi();
    await context.confirm(`End the secret ${secret} of ${positionals.id} at ${api.server}, for good?`);
    await api.call(target, { method: 'DELETE', query: inWorkspace(options.workspace) });
    err(`${secret} has ended.\n`);
    return EXIT.done;
  },
});

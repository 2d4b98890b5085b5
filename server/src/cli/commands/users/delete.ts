import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { asSeenBy, userPath, userPositional } from './present.ts';

const path = 'users delete';

export const usersDelete = command({
  path,
  summary: 'Remove an account, with all that protects it',
  text: [
    'What the person made stays: keys belong to their workspace. A workspace removes accounts that it made; the root key ' +
      'removes any. To shut somebody out for now, use `users disable`; to take them out of one workspace, `members remove`.',
  ],
  examples: [{ line: 'latchkey users delete usr_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: userPositional,
  options: { ...asSeenBy, ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals, err } = context;
    const target = userPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Delete ${positionals.id} at ${api.server}, for good?`);
    await api.call(target, { method: 'DELETE', query: inWorkspace(options.workspace) });
    err(`${positionals.id} is deleted.\n`);
    return EXIT.done;
  },
});

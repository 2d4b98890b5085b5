import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { asSeenBy, showUser, userPath, userPositional } from './present.ts';

const path = 'users get';

export const usersGet = command({
  path,
  summary: 'Show one person',
  examples: [{ line: 'latchkey users get usr_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'By their id' }],
  positionals: userPositional,
  options: { ...asSeenBy, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = userPath(positionals.id, path);
    const api = await context.openApi();
    showUser(context, await api.call(target, { query: inWorkspace(options.workspace) }), options.json);
    return EXIT.done;
  },
});

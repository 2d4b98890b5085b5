import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { showUser, userPath, userPositional } from './present.ts';

const path = 'users enable';

export const usersEnable = command({
  path,
  summary: 'Let a disabled person in again (root key)',
  examples: [{ line: 'latchkey users enable usr_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'At once' }],
  positionals: userPositional,
  options: serverOptions,
  run: async (context) => {
    const target = userPath(context.positionals.id, path);
    const api = await context.openApi();
    const reply = await api.call(target, { method: 'PATCH', body: { state: 'active' } });
    showUser(context, reply, context.options.json);
    return EXIT.done;
  },
});

import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { showUser, userPath, userPositional } from './present.ts';

const path = 'users disable';

export const usersDisable = command({
  path,
  summary: 'Shut a person out everywhere, at once (root key)',
  text: [
    'All sessions and tokens of the person end, and every key that they own fails, until `users enable`. Sessions and ' +
      'tokens stay ended.',
  ],
  examples: [{ line: 'latchkey users disable usr_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: userPositional,
  options: { ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = userPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(
      `Disable ${positionals.id} at ${api.server}? Sessions and tokens end, and keys they own fail`,
    );
    const body = { state: 'disabled' };
    showUser(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});

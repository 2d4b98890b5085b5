import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { userPath, userPositional } from './present.ts';

const path = 'users reset-factors';

export const usersResetFactors = command({
  path,
  summary: 'Take all second factors from a person who lost them (root key)',
  text: [
    'Authenticator app, passkeys and backup codes are gone, and all sessions and tokens end. The person hears of it by ' +
      'mail, and signs in by the password. Make sure who asks: whoever knows the password gets in.',
  ],
  examples: [{ line: 'latchkey users reset-factors usr_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: userPositional,
  options: { ...yesOption, ...serverOptions },
  run: async (context) => {
    const { positionals, err } = context;
    const target = `${userPath(positionals.id, path)}/second-factors`;
    const api = await context.openApi();
    await context.confirm(`Take all second factors from ${positionals.id} at ${api.server}?`);
    await api.call(target, { method: 'DELETE' });
    err(`${positionals.id} has no second factor any more.\n`);
    return EXIT.done;
  },
});

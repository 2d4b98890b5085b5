import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { grantPath, grantPositional } from './present.ts';

const path = 'grants revoke';

export const grantsRevoke = command({
  path,
  summary: 'Cut an application off from a person: all its tokens of that grant end at once',
  examples: [{ line: 'latchkey grants revoke grt_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: grantPositional,
  options: { ...yesOption, ...serverOptions },
  run: async (context) => {
    const { positionals, err } = context;
    const target = grantPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Revoke ${positionals.id} at ${api.server}?`);
    await api.call(target, { method: 'DELETE' });
    err(`${positionals.id} is revoked.\n`);
    return EXIT.done;
  },
});

import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { pathOfNamed, planPositional } from './names.ts';

const path = 'plans delete';

export const plansDelete = command({
  path,
  summary: 'Remove a plan; who was on it falls back to standard (root key)',
  examples: [{ line: 'latchkey plans delete gold', what: 'Asks first' }],
  positionals: planPositional,
  options: { ...yesOption, ...serverOptions },
  run: async (context) => {
    const { name } = context.positionals;
    const target = pathOfNamed('plans', name, path);
    const api = await context.openApi();
    await context.confirm(`Remove the plan ${name} at ${api.server}? Who is on it falls back to standard`);
    await api.call(target, { method: 'DELETE' });
    context.err(`${name} is removed.\n`);
    return EXIT.done;
  },
});

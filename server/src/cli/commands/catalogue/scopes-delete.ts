import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { pathOfNamed, scopePositional } from './names.ts';

const path = 'scopes delete';

export const scopesDelete = command({
  path,
  summary: 'Remove a scope; who holds it loses it (root key)',
  examples: [{ line: 'latchkey scopes delete reports:read', what: 'Asks first' }],
  positionals: scopePositional,
  options: { ...yesOption, ...serverOptions },
  run: async (context) => {
    const { name } = context.positionals;
    const target = pathOfNamed('scopes', name, path);
    const api = await context.openApi();
    await context.confirm(`Remove the scope ${name} at ${api.server}? Every key that holds it loses it`);
    await api.call(target, { method: 'DELETE' });
    context.err(`${name} is removed.\n`);
    return EXIT.done;
  },
});

import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { pathOfNamed, scopePositional } from './names.ts';
import { showScope } from './scopes.ts';

const path = 'scopes get';

export const scopesGet = command({
  path,
  summary: 'Show one scope, and what it implies',
  examples: [{ line: 'latchkey scopes get admin', what: 'By its name' }],
  positionals: scopePositional,
  options: serverOptions,
  run: async (context) => {
    const target = pathOfNamed('scopes', context.positionals.name, path);
    const api = await context.openApi();
    showScope(context, await api.call(target), context.options.json);
    return EXIT.done;
  },
});

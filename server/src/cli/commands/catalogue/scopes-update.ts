import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { pathOfNamed, scopePositional } from './names.ts';
import { scopeBody, scopeOptions, showScope } from './scopes.ts';

const path = 'scopes update';

export const scopesUpdate = command({
  path,
  summary: 'Change a scope; what is not named stays (root key)',
  text: ['It holds from the next call on, for every key.'],
  examples: [{ line: 'latchkey scopes update reports:all --sensitive yes', what: 'To be shown with a warning' }],
  positionals: scopePositional,
  options: {
    description: { type: 'text', value: 'TEXT', description: 'What it allows, for people' },
    ...scopeOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = pathOfNamed('scopes', positionals.name, path);
    const body = {
      ...(options.description === undefined ? {} : { description: options.description }),
      ...scopeBody(options),
    };
    if (Object.keys(body).length === 0) throw new UsageError('nothing to change was named', path);
    const api = await context.openApi();
    showScope(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});

import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { scopePositional } from './names.ts';
import { scopeBody, scopeOptions, showScope } from './scopes.ts';

export const scopesCreate = command({
  path: 'scopes create',
  summary: 'Add a scope to the catalogue (root key)',
  examples: [
    { line: "latchkey scopes create reports:read --description 'See the reports.'", what: 'A scope of your own API' },
    {
      line: "latchkey scopes create reports:all --description 'See and change reports.' --implies reports:read",
      what: 'Whoever holds it holds the other too',
    },
  ],
  positionals: scopePositional,
  options: {
    description: { type: 'text', value: 'TEXT', description: 'What it allows, for people', required: true },
    ...scopeOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const body = { name: positionals.name, description: options.description, ...scopeBody(options) };
    const api = await context.openApi();
    showScope(context, await api.call('/v1/scopes', { method: 'POST', body }), options.json);
    return EXIT.done;
  },
});

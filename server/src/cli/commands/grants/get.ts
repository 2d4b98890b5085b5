import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { grantPath, grantPositional, showGrant } from './present.ts';

const path = 'grants get';

export const grantsGet = command({
  path,
  summary: 'Show what a person allowed an application',
  examples: [
    { line: 'latchkey grants get grt_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Its scopes, and when it was last used' },
  ],
  positionals: grantPositional,
  options: { ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = grantPath(positionals.id, path);
    const api = await context.openApi();
    showGrant(context, await api.call(target), options.json);
    return EXIT.done;
  },
});

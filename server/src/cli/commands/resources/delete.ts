import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { resourcePath, resourcePositional } from './resources.ts';

const path = 'resources delete';

export const resourcesDelete = command({
  path,
  summary: 'Remove an API that no scope belongs to (root key)',
  examples: [{ line: 'latchkey resources delete res_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: resourcePositional,
  options: { ...yesOption, ...serverOptions },
  run: async (context) => {
    const { positionals, err } = context;
    const target = resourcePath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Delete ${positionals.id} at ${api.server}? Its tokens will be refused`);
    await api.call(target, { method: 'DELETE' });
    err(`${positionals.id} is deleted.\n`);
    return EXIT.done;
  },
});

import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceOption } from './fields.ts';
import { inWorkspace, keyPath, keyPositional } from './one.ts';

const path = 'keys delete';

export const keysDelete = command({
  path,
  summary: 'Remove a key from every list; it ends at once',
  text: ['To end a key and still see that it was there, use `keys revoke`.'],
  examples: [{ line: 'latchkey keys delete key_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: keyPositional,
  options: { ...workspaceOption, ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals, err } = context;
    const target = keyPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Delete ${positionals.id} at ${api.server}, for good?`);
    await api.call(target, { method: 'DELETE', query: inWorkspace(options.workspace) });
    err(`${positionals.id} is deleted.\n`);
    return EXIT.done;
  },
});

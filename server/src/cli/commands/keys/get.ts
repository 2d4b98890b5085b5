import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceOption } from './fields.ts';
import { inWorkspace, keyPath, keyPositional } from './one.ts';
import { showKey } from './present.ts';

const path = 'keys get';

export const keysGet = command({
  path,
  summary: 'Show one key',
  examples: [{ line: 'latchkey keys get key_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Everything but its secret' }],
  positionals: keyPositional,
  options: { ...workspaceOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = keyPath(positionals.id, path);
    const api = await context.openApi();
    showKey(context, await api.call(target, { query: inWorkspace(options.workspace) }), options.json);
    return EXIT.done;
  },
});

import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { showWorkspace, workspacePath, workspacePositional } from './present.ts';

const path = 'workspaces get';

export const workspacesGet = command({
  path,
  summary: 'Show one workspace',
  examples: [{ line: 'latchkey workspaces get ws_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'By its id' }],
  positionals: workspacePositional,
  options: serverOptions,
  run: async (context) => {
    const target = workspacePath(context.positionals.id, path);
    const api = await context.openApi();
    showWorkspace(context, await api.call(target), context.options.json);
    return EXIT.done;
  },
});

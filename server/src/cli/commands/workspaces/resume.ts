import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { showWorkspace, workspacePath, workspacePositional } from './present.ts';

const path = 'workspaces resume';

export const workspacesResume = command({
  path,
  summary: 'Let the keys of a suspended workspace work again (root key)',
  examples: [{ line: 'latchkey workspaces resume ws_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'At once' }],
  positionals: workspacePositional,
  options: serverOptions,
  run: async (context) => {
    const target = workspacePath(context.positionals.id, path);
    const api = await context.openApi();
    const reply = await api.call(target, { method: 'PATCH', body: { state: 'active' } });
    showWorkspace(context, reply, context.options.json);
    return EXIT.done;
  },
});

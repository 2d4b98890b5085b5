import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { showWorkspace, workspacePath, workspacePositional } from './present.ts';

const path = 'workspaces suspend';

export const workspacesSuspend = command({
  path,
  summary: 'Make all keys of a workspace fail at once (root key)',
  examples: [{ line: 'latchkey workspaces suspend ws_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: workspacePositional,
  options: { ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = workspacePath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Suspend ${positionals.id} at ${api.server}? All its keys will fail until it is resumed`);
    const body = { state: 'suspended' };
    showWorkspace(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});

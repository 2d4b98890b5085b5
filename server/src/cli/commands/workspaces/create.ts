import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceBody, workspaceOptions } from './fields.ts';
import { showWorkspace } from './present.ts';

const path = 'workspaces create';

export const workspacesCreate = command({
  path,
  summary: 'Make a workspace (root key)',
  examples: [
    { line: 'latchkey workspaces create --name Acme', what: 'On the standard plan' },
    { line: 'latchkey workspaces create --name Acme --external-id customer-7 --pooled', what: 'Its keys share limits' },
  ],
  options: {
    name: { type: 'text', value: 'NAME', description: 'What it is called', required: true },
    pooled: { type: 'flag', description: 'All its keys of one environment share one bucket' },
    ...workspaceOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options } = context;
    const body = { name: options.name, pooled: options.pooled, ...workspaceBody(options, path) };
    const api = await context.openApi();
    showWorkspace(context, await api.call('/v1/workspaces', { method: 'POST', body }), options.json);
    return EXIT.done;
  },
});

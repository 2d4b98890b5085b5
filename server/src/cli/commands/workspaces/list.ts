import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import { type WorkspaceJson, workspaceColumns } from './present.ts';

export const workspacesList = command({
  path: 'workspaces list',
  summary: 'List workspaces, oldest first',
  text: ['The root key sees all, any other key its own.'],
  examples: [{ line: 'latchkey workspaces list --all', what: 'All of them' }],
  options: {
    'external-id': { type: 'text', value: 'ID', description: 'Only the one with your own id' },
    ...listOptions,
    ...serverOptions,
  },
  run: (context) => {
    const { options } = context;
    const query = { external_id: options['external-id'] };
    return list<WorkspaceJson>(context, { path: '/v1/workspaces', query, options, columns: workspaceColumns(context) });
  },
});

import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import { ofWorkspace } from '../members/fields.ts';
import { type GrantJson, grantColumns } from './present.ts';

export const grantsList = command({
  path: 'grants list',
  summary: 'List what people of a workspace allowed applications, newest first',
  examples: [
    { line: 'latchkey grants list', what: 'Every connected application' },
    { line: 'latchkey grants list --user usr_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Those of one person' },
  ],
  options: {
    user: { type: 'text', value: 'ID', description: 'Only what this person allowed' },
    client: { type: 'text', value: 'ID', description: 'Only what this application was allowed: its client_id' },
    ...ofWorkspace,
    ...listOptions,
    ...serverOptions,
  },
  run: (context) => {
    const { options } = context;
    const query = { workspace_id: options.workspace, user_id: options.user, client_id: options.client };
    return list<GrantJson>(context, { path: '/v1/grants', query, options, columns: grantColumns });
  },
});

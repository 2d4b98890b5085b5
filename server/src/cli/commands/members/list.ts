import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import { ofWorkspace } from './fields.ts';
import { type MemberJson, memberColumns } from './present.ts';

export const membersList = command({
  path: 'members list',
  summary: 'List who is in a workspace, and as what',
  examples: [{ line: 'latchkey members list', what: 'Oldest member first' }],
  options: { ...ofWorkspace, ...listOptions, ...serverOptions },
  run: (context) => {
    const { options } = context;
    const query = { workspace_id: options.workspace };
    return list<MemberJson>(context, { path: '/v1/members', query, options, columns: memberColumns(context) });
  },
});

import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import { ofWorkspace } from '../members/fields.ts';
import { type UserJson, userColumns } from './present.ts';

export const usersList = command({
  path: 'users list',
  summary: 'List the people of a workspace, oldest member first',
  examples: [
    { line: 'latchkey users list', what: 'Who is there' },
    {
      line: "latchkey users list --email ada@example.com --json | jq -r '.data[].id'",
      what: 'The id behind an address',
    },
  ],
  options: {
    email: { type: 'text', value: 'ADDRESS', description: 'Only who signs in with it' },
    'external-id': { type: 'text', value: 'ID', description: 'Only the one with your own id' },
    ...ofWorkspace,
    ...listOptions,
    ...serverOptions,
  },
  run: (context) => {
    const { options } = context;
    const query = { email: options.email, external_id: options['external-id'], workspace_id: options.workspace };
    return list<UserJson>(context, { path: '/v1/users', query, options, columns: userColumns(context) });
  },
});

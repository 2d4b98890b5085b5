import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import { ofWorkspace } from '../members/fields.ts';
import { type InvitationJson, invitationColumns } from './present.ts';

export const invitationsList = command({
  path: 'invitations list',
  summary: 'List invitations, newest first',
  examples: [
    { line: 'latchkey invitations list', what: 'Also those that were accepted, declined, revoked or have expired' },
  ],
  options: { ...ofWorkspace, ...listOptions, ...serverOptions },
  run: (context) => {
    const { options } = context;
    const query = { workspace_id: options.workspace };
    return list<InvitationJson>(context, {
      path: '/v1/invitations',
      query,
      options,
      columns: invitationColumns(context),
    });
  },
});

import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { ofWorkspace, roleOption } from './fields.ts';
import { showMember } from './present.ts';

export const membersAdd = command({
  path: 'members add',
  summary: 'Put an existing person in a workspace at once (root key)',
  text: ['Everybody else invites: `invitations create`. For somebody who has no account, `users create`.'],
  examples: [
    {
      line: 'latchkey members add --user usr_0PsCLkhMzXMMWHq3EmLUIWHL --role viewer --workspace ws_0PsCLkhMzXMMWHq3EmLUIWHL',
      what: 'They need do nothing',
    },
  ],
  options: {
    user: { type: 'text', value: 'ID', description: 'The id of the person, usr_…', required: true },
    role: { ...roleOption, required: true },
    ...ofWorkspace,
    ...serverOptions,
  },
  run: async (context) => {
    const { user, role, workspace, json } = context.options;
    const body = { user_id: user, role, ...inWorkspace(workspace) };
    const api = await context.openApi();
    showMember(context, await api.call('/v1/members', { method: 'POST', body }), json);
    return EXIT.done;
  },
});

import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { ofWorkspace, roleOption } from '../members/fields.ts';
import { showInvitation } from './present.ts';

export const invitationsCreate = command({
  path: 'invitations create',
  summary: 'Invite an address to a workspace by mail',
  text: [
    'The link in the mail works for a week, once, and for that address alone. A newer invitation ends the older: to send it ' +
      'again, run the command again.',
  ],
  examples: [{ line: 'latchkey invitations create --email ada@example.com --role developer', what: 'A mail goes out' }],
  options: {
    email: { type: 'text', value: 'ADDRESS', description: 'Where the link goes', required: true },
    role: { ...roleOption, description: 'As what; never above what the key may do', required: true },
    ...ofWorkspace,
    ...serverOptions,
  },
  run: async (context) => {
    const { email, role, workspace, json } = context.options;
    const body = { email, role, ...inWorkspace(workspace) };
    const api = await context.openApi();
    showInvitation(context, await api.call('/v1/invitations', { method: 'POST', body }), json);
    return EXIT.done;
  },
});

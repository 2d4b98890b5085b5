import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { ofWorkspace } from '../members/fields.ts';
import { invitationPath, invitationPositional } from './present.ts';

const path = 'invitations revoke';

export const invitationsRevoke = command({
  path,
  summary: 'End an open invitation: its link stops working',
  examples: [{ line: 'latchkey invitations revoke inv_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: invitationPositional,
  options: { ...ofWorkspace, ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals, err } = context;
    const target = invitationPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Revoke ${positionals.id} at ${api.server}?`);
    await api.call(target, { method: 'DELETE', query: inWorkspace(options.workspace) });
    err(`${positionals.id} is revoked.\n`);
    return EXIT.done;
  },
});

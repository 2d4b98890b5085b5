import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { ofWorkspace } from '../members/fields.ts';
import { invitationPath, invitationPositional, showInvitation } from './present.ts';

const path = 'invitations get';

export const invitationsGet = command({
  path,
  summary: 'Show one invitation',
  examples: [{ line: 'latchkey invitations get inv_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Was it accepted?' }],
  positionals: invitationPositional,
  options: { ...ofWorkspace, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = invitationPath(positionals.id, path);
    const api = await context.openApi();
    showInvitation(context, await api.call(target, { query: inWorkspace(options.workspace) }), options.json);
    return EXIT.done;
  },
});

import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { ofWorkspace, roleOption } from './fields.ts';
import { memberPath, memberPositional, showMember } from './present.ts';

const path = 'members update';

export const membersUpdate = command({
  path,
  summary: 'Give a member another role',
  text: [
    'Only an owner or the root key makes and changes owners, and a workspace keeps one. To hand a workspace over, make the ' +
      'other an owner, then change the first. Logins of the person go on with the new role once they refresh.',
  ],
  examples: [
    { line: 'latchkey members update mem_0PsCLkhMzXMMWHq3EmLUIWHL --role admin', what: 'From the next call on' },
  ],
  positionals: memberPositional,
  options: { role: { ...roleOption, required: true }, ...ofWorkspace, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = memberPath(positionals.id, path);
    const body = { role: options.role, ...inWorkspace(options.workspace) };
    const api = await context.openApi();
    showMember(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});

import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { ofWorkspace } from './fields.ts';
import { memberPath, memberPositional } from './present.ts';

const path = 'members remove';

export const membersRemove = command({
  path,
  summary: 'Take a person out of a workspace; the account stays',
  text: ['What the person made stays too: keys belong to the workspace. The last owner cannot be taken out.'],
  examples: [{ line: 'latchkey members remove mem_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: memberPositional,
  options: { ...ofWorkspace, ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals, err } = context;
    const target = memberPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Take ${positionals.id} out of the workspace at ${api.server}?`);
    await api.call(target, { method: 'DELETE', query: inWorkspace(options.workspace) });
    err(`${positionals.id} is removed.\n`);
    return EXIT.done;
  },
});

import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { ofWorkspace } from './fields.ts';
import { memberPath, memberPositional, showMember } from './present.ts';

const path = 'members get';

export const membersGet = command({
  path,
  summary: 'Show one member',
  examples: [{ line: 'latchkey members get mem_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'By the id of the membership' }],
  positionals: memberPositional,
  options: { ...ofWorkspace, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = memberPath(positionals.id, path);
    const api = await context.openApi();
    showMember(context, await api.call(target, { query: inWorkspace(options.workspace) }), options.json);
    return EXIT.done;
  },
});

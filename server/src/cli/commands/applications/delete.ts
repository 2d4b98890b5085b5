import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceOption } from './fields.ts';
import { applicationPath, applicationPositional, inWorkspace } from './one.ts';

const path = 'applications delete';

export const applicationsDelete = command({
  path,
  summary: 'Take an application away with all that it was given',
  text: ['To end its tokens and keep it, use `applications disable`.'],
  examples: [{ line: 'latchkey applications delete app_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: applicationPositional,
  options: { ...workspaceOption, ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals, err } = context;
    const target = applicationPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Delete ${positionals.id} at ${api.server}, for good?`);
    await api.call(target, { method: 'DELETE', query: inWorkspace(options.workspace) });
    err(`${positionals.id} is deleted.\n`);
    return EXIT.done;
  },
});

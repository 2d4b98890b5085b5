import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceOption } from './fields.ts';
import { applicationPath, applicationPositional, inWorkspace } from './one.ts';
import { showApplication } from './present.ts';

const path = 'applications get';

export const applicationsGet = command({
  path,
  summary: 'Show one application',
  examples: [{ line: 'latchkey applications get app_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Everything but its secrets' }],
  positionals: applicationPositional,
  options: { ...workspaceOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = applicationPath(positionals.id, path);
    const api = await context.openApi();
    showApplication(context, await api.call(target, { query: inWorkspace(options.workspace) }), options.json);
    return EXIT.done;
  },
});

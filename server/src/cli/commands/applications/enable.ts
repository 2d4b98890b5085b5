import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceOption } from './fields.ts';
import { applicationPath, applicationPositional, inWorkspace } from './one.ts';
import { showApplication } from './present.ts';

const path = 'applications enable';

export const applicationsEnable = command({
  path,
  summary: 'Let a disabled application have tokens again; it begins anew',
  examples: [{ line: 'latchkey applications enable app_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'From the next call on' }],
  positionals: applicationPositional,
  options: { ...workspaceOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = applicationPath(positionals.id, path);
    const body = { state: 'active', ...inWorkspace(options.workspace) };
    const api = await context.openApi();
    showApplication(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});

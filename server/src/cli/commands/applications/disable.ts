import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceOption } from './fields.ts';
import { applicationPath, applicationPositional, inWorkspace } from './one.ts';
import { showApplication } from './present.ts';

const path = 'applications disable';

export const applicationsDisable = command({
  path,
  summary: 'End all tokens of an application, and let it have no more',
  examples: [{ line: 'latchkey applications disable app_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: applicationPositional,
  options: { ...workspaceOption, ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = applicationPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Disable ${positionals.id} at ${api.server}? All that it was given ends`);
    const body = { state: 'disabled', ...inWorkspace(options.workspace) };
    showApplication(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});

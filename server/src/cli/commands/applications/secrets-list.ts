import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceOption } from './fields.ts';
import { applicationPath, applicationPositional, inWorkspace } from './one.ts';
import { type ApplicationJson, SECRET_COLUMNS } from './present.ts';

const path = 'applications secrets list';

export const applicationSecretsList = command({
  path,
  summary: 'List the living secrets of an application, by their hints',
  examples: [
    { line: 'latchkey applications secrets list app_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'And when each was used last' },
  ],
  positionals: applicationPositional,
  options: { ...workspaceOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = applicationPath(positionals.id, path);
    const api = await context.openApi();
    const reply = await api.call(target, { query: inWorkspace(options.workspace) });
    const { secrets } = reply.json as ApplicationJson;
    if (options.json) context.json({ data: secrets, next_cursor: null });
    else if (secrets.length === 0) context.err('Nothing to list.\n');
    else context.table(SECRET_COLUMNS, secrets);
    return EXIT.done;
  },
});

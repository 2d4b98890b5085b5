import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import { workspaceOption } from './fields.ts';
import { type ApplicationJson, applicationColumns } from './present.ts';

export const applicationsList = command({
  path: 'applications list',
  summary: 'List applications, newest first',
  examples: [
    { line: 'latchkey applications list', what: 'The newest' },
    {
      line: "latchkey applications list --environment live --all --json | jq -r '.data[].id'",
      what: 'All ids, for a program',
    },
  ],
  options: {
    environment: { type: 'text', value: 'ENVIRONMENT', description: 'Only these', choices: ['test', 'live'] },
    ...workspaceOption,
    ...listOptions,
    ...serverOptions,
  },
  run: (context) => {
    const { options } = context;
    const { environment, workspace } = options;
    const query = { environment, workspace_id: workspace };
    const columns = applicationColumns(context);
    return list<ApplicationJson>(context, { path: '/v1/applications', query, options, columns });
  },
});

import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import { environmentChoices, workspaceOption } from './fields.ts';
import { type KeyJson, keyColumns } from './present.ts';

export const keysList = command({
  path: 'keys list',
  summary: 'List keys, newest first',
  examples: [
    { line: 'latchkey keys list', what: 'The newest' },
    { line: 'latchkey keys list --environment live --all', what: 'All that are live' },
    { line: "latchkey keys list --owner billing --json | jq -r '.data[].id'", what: 'Their ids, for a program' },
  ],
  options: {
    environment: { type: 'text', value: 'ENVIRONMENT', description: 'Only these', choices: environmentChoices },
    owner: { type: 'text', value: 'OWNER', description: 'Only those that speak for it' },
    'external-id': { type: 'text', value: 'ID', description: 'Only the one with your own id' },
    ...workspaceOption,
    ...listOptions,
    ...serverOptions,
  },
  run: (context) => {
    const { options } = context;
    const { environment, owner, workspace } = options;
    const query = { environment, owner, external_id: options['external-id'], workspace_id: workspace };
    return list<KeyJson>(context, { path: '/v1/api-keys', query, options, columns: keyColumns(context) });
  },
});

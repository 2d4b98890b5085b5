import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { RESOURCE_COLUMNS, type ResourceJson } from './resources.ts';

export const resourcesList = command({
  path: 'resources list',
  summary: 'List the APIs that tokens are for',
  examples: [{ line: 'latchkey resources list', what: 'Each with what its tokens are addressed to' }],
  options: serverOptions,
  run: async (context) => {
    const api = await context.openApi();
    const reply = await api.call('/v1/resources');
    if (context.options.json) context.out(`${reply.text.trimEnd()}\n`);
    else context.table(RESOURCE_COLUMNS, (reply.json as { data: ResourceJson[] }).data);
    return EXIT.done;
  },
});

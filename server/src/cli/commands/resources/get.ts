import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { resourcePath, resourcePositional, showResource } from './resources.ts';

const path = 'resources get';

export const resourcesGet = command({
  path,
  summary: 'Show one API',
  examples: [{ line: 'latchkey resources get res_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'What its tokens are like' }],
  positionals: resourcePositional,
  options: serverOptions,
  run: async (context) => {
    const target = resourcePath(context.positionals.id, path);
    const api = await context.openApi();
    showResource(context, await api.call(target), context.options.json);
    return EXIT.done;
  },
});

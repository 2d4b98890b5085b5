import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { resourceBody, resourceOptions, resourcePath, resourcePositional, showResource } from './resources.ts';

const path = 'resources update';

export const resourcesUpdate = command({
  path,
  summary: 'Change an API; what is not named stays (root key)',
  text: ['With another audience, tokens for the old one are refused from the next call on.'],
  examples: [
    {
      line: 'latchkey resources update res_0PsCLkhMzXMMWHq3EmLUIWHL --token-seconds 600',
      what: 'For tokens from now on',
    },
  ],
  positionals: resourcePositional,
  options: {
    name: { type: 'text', value: 'NAME', description: 'What it is called' },
    audience: { type: 'text', value: 'AUDIENCE', description: 'What its tokens are addressed to' },
    ...resourceOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = resourcePath(positionals.id, path);
    const { name, audience } = options;
    const body = {
      ...(name === undefined ? {} : { name }),
      ...(audience === undefined ? {} : { audience }),
      ...resourceBody(options),
    };
    if (Object.keys(body).length === 0) throw new UsageError('nothing to change was named', path);
    const api = await context.openApi();
    showResource(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});

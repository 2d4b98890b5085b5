import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { resourceBody, resourceOptions, showResource } from './resources.ts';

export const resourcesCreate = command({
  path: 'resources create',
  summary: 'Add an API that tokens are for (root key)',
  text: ['A key for RS256 or EdDSA is published now, and signs six minutes later: verifiers must have seen it.'],
  examples: [
    { line: 'latchkey resources create --name Billing --audience https://billing.example', what: 'A second API' },
    {
      line: 'latchkey resources create --name Legacy --audience https://old.example --algorithm RS256 --token-seconds 3600',
      what: 'For verifiers that know RS256 alone',
    },
  ],
  options: {
    name: { type: 'text', value: 'NAME', description: 'What it is called', required: true },
    audience: { type: 'text', value: 'AUDIENCE', description: 'What its tokens are addressed to', required: true },
    ...resourceOptions,
    ...serverOptions,
  },
  run: async (context) => {
    const { options } = context;
    const body = { name: options.name, audience: options.audience, ...resourceBody(options) };
    const api = await context.openApi();
    showResource(context, await api.call('/v1/resources', { method: 'POST', body }), options.json);
    return EXIT.done;
  },
});

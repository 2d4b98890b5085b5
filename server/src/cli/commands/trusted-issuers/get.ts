import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { issuerPath, issuerPositional, showIssuer, workspaceOption } from './issuers.ts';

const path = 'trusted-issuers get';

export const trustedIssuersGet = command({
  path,
  summary: 'Show one trusted issuer, without its secret',
  examples: [{ line: 'latchkey trusted-issuers get iss_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'By its id' }],
  positionals: issuerPositional,
  options: { ...workspaceOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = issuerPath(positionals.id, path);
    const api = await context.openApi();
    showIssuer(context, await api.call(target, { query: inWorkspace(options.workspace) }), options.json);
    return EXIT.done;
  },
});

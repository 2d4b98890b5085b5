import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { inWorkspace } from '../keys/one.ts';
import { issuerBody, issuerOptions, issuerPath, issuerPositional, showIssuer, workspaceOption } from './issuers.ts';

const path = 'trusted-issuers update';

export const trustedIssuersUpdate = command({
  path,
  summary: 'Change what an issuer may do, or its keys; what is not named stays',
  text: ['New keys take the place of the old ones at once. --scope names all scopes that it has from now on.'],
  examples: [
    {
      line: 'latchkey trusted-issuers update iss_0PsCLkhMzXMMWHq3EmLUIWHL --scope read --scope write',
      what: 'Its tokens may write, too',
    },
    {
      line: 'latchkey trusted-issuers update iss_0PsCLkhMzXMMWHq3EmLUIWHL --secret < new-secret.txt',
      what: 'Another shared secret',
    },
  ],
  positionals: issuerPositional,
  options: { ...issuerOptions, ...workspaceOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = issuerPath(positionals.id, path);
    const changes = await issuerBody(context, path);
    if (Object.keys(changes).length === 0) throw new UsageError('nothing to change was named', path);
    const body = { ...changes, ...inWorkspace(options.workspace) };
    const api = await context.openApi();
    showIssuer(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});

import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { inWorkspace } from '../keys/one.ts';
import { issuerPath, issuerPositional, workspaceOption } from './issuers.ts';

const path = 'trusted-issuers delete';

export const trustedIssuersDelete = command({
  path,
  summary: "Accept an issuer's JWTs no more, from the next call on",
  examples: [{ line: 'latchkey trusted-issuers delete iss_0PsCLkhMzXMMWHq3EmLUIWHL', what: 'Asks first' }],
  positionals: issuerPositional,
  options: { ...workspaceOption, ...yesOption, ...serverOptions },
  run: async (context) => {
    const { options, positionals, err } = context;
    const target = issuerPath(positionals.id, path);
    const api = await context.openApi();
    await context.confirm(`Delete ${positionals.id} at ${api.server}? Its tokens will be refused`);
    await api.call(target, { method: 'DELETE', query: inWorkspace(options.workspace) });
    err(`${positionals.id} is deleted.\n`);
    return EXIT.done;
  },
});

import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import { environmentChoices } from '../keys/fields.ts';
import { ISSUER_COLUMNS, type IssuerJson, workspaceOption } from './issuers.ts';

export const trustedIssuersList = command({
  path: 'trusted-issuers list',
  summary: 'List whose JWTs are accepted, the newest first',
  examples: [{ line: 'latchkey trusted-issuers list --environment live', what: 'Those with live data' }],
  options: {
    environment: { type: 'text', value: 'ENVIRONMENT', description: 'Only these', choices: environmentChoices },
    ...workspaceOption,
    ...listOptions,
    ...serverOptions,
  },
  run: (context) => {
    const { options } = context;
    const query = { environment: options.environment, workspace_id: options.workspace };
    return list<IssuerJson>(context, { path: '/v1/trusted-issuers', query, options, columns: ISSUER_COLUMNS });
  },
});

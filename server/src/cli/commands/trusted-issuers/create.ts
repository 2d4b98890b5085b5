import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { environmentChoices } from '../keys/fields.ts';
import { inWorkspace } from '../keys/one.ts';
import { issuerBody, issuerOptions, showIssuer, workspaceOption } from './issuers.ts';

const path = 'trusted-issuers create';

export const trustedIssuersCreate = command({
  path,
  summary: "Accept somebody's JWTs",
  text: ['Its keys come from --jwks-uri, --jwks-file or --secret. A secret is never an argument.'],
  examples: [
    {
      line: 'latchkey trusted-issuers create --issuer https://idp.example/ --audience https://api.example --jwks-uri https://idp.example/jwks --scope read',
      what: 'By its key set',
    },
    {
      line: 'latchkey trusted-issuers create --issuer billing --no-audience --secret --scope read < secret.txt',
      what: 'By a shared secret of 32 bytes or more',
    },
  ],
  options: {
    issuer: { type: 'text', value: 'ISSUER', description: 'What `iss` says, byte for byte', required: true },
    ...issuerOptions,
    environment: { type: 'text', value: 'ENVIRONMENT', description: 'Whose data it sees', choices: environmentChoices },
    ...workspaceOption,
    ...serverOptions,
  },
  run: async (context) => {
    const { issuer, environment, workspace, json } = context.options;
    const body = {
      issuer,
      scopes: [],
      ...(await issuerBody(context, path)),
      ...(environment === undefined ? {} : { environment }),
      ...inWorkspace(workspace),
    };
    const api = await context.openApi();
    showIssuer(context, await api.call('/v1/trusted-issuers', { method: 'POST', body }), json);
    return EXIT.done;
  },
});

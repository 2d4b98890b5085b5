/** The resources that tokens of the benchmark are for: one with JWTs, one with opaque tokens. */
export const RESOURCE = 'https://api.bench.example';
export const OPAQUE = 'https://opaque.bench.example';
export const REDIRECT = 'https://app.bench.example/callback';
/** How many are signed in, each in a browser and with a consent of their own. */
export const PEOPLE = 8;

export const FORM = 'application/x-www-form-urlencoded';
const basic = ({ clientId, clientSecret }) => `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
const formOf = (client, fields) => ({
  method: 'POST',
  headers: { authorization: basic(client), 'content-type': FORM },
  body: new URLSearchParams(fields).toString(),
});

const clientCredentials = (client, resource) =>
  formOf(client, { grant_type: 'client_credentials', scope: 'read', resource });

/** Sent by `fetch`; throws what came back when it was not a success. */
async function ask(url, options) {
  const reply = await fetch(url, options);
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${url}: ${reply.status} ${text}`);
  return JSON.parse(text);
}

/** What wrk sends. */
const posting = (path, { headers, body }) => ({
  path,
  headers: { Authorization: headers.authorization },
  script: 'post',
  args: [body, FORM],
});

/** Load of client credentials, once one answer was seen to be a JWT. */
export async function askingForTokens({ url, client }) {
  const request = clientCredentials(client, RESOURCE);
  const { access_token: token } = await ask(`${url}${client.paths.token}`, request);
  if (token?.split('.').length !== 3) throw new Error(`${url} gives no JWT`);
  return posting(client.paths.token, request);
}

/** The same form, for a server that asks nothing. */
export const sendingForms = () =>
  posting('/token', clientCredentials({ clientId: 'bench', clientSecret: 'none'.repeat(10) }, RESOURCE));

/** Load of introspection of one token for a resource, once it was seen to be active: 200 is said of others too. */
export const introspecting =
  (resource) =>
  async ({ url, client }) => {
    const { access_token: token } = await ask(`${url}${client.paths.token}`, clientCredentials(client, resource));
    const request = formOf(client, { token });
    const { active } = await ask(`${url}${client.paths.introspect}`, request);
    if (active !== true) throw new Error(`${url} does not know its own token`);
    return posting(client.paths.introspect, request);
  };

/** Load of whole flows: see flows.mjs. */
export const flowing = ({ url, client }) => ({
  flows: { url, ...client, authorization: basic(client), redirectUri: REDIRECT, resource: RESOURCE, scope: 'read' },
});

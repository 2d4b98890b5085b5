/** What is asked for: a scope of the resource that is meant when none is named, whose tokens are JWTs. */
export const JWT_ASKED = { scope: 'read' };
/** A scope of a resource with opaque tokens. */
export const OPAQUE_ASKED = { scope: 'opaque:read', resource: 'https://opaque.bench.example' };
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

const clientCredentials = (client, asked) => formOf(client, { grant_type: 'client_credentials', ...asked });

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
  const request = clientCredentials(client, JWT_ASKED);
  const { access_token: token } = await ask(`${url}${client.paths.token}`, request);
  if (token?.split('.').length !== 3) throw new Error(`${url} gives no JWT`);
  return posting(client.paths.token, request);
}

/** The same form, for a server that asks nothing. */
export const sendingForms = () =>
  posting('/token', clientCredentials({ clientId: 'bench', clientSecret: 'none'.repeat(10) }, JWT_ASKED));

/** Load of introspection of one token, of what is asked for, once it was seen to be active: 200 is said of others too. */
export const introspecting =
  (asked) =>
  async ({ url, client }) => {
    const { access_token: token } = await ask(`${url}${client.paths.token}`, clientCredentials(client, asked));
    const request = formOf(client, { token });
    const { active } = await ask(`${url}${client.paths.introspect}`, request);
    if (active !== true) throw new Error(`${url} does not know its own token`);
    return posting(client.paths.introspect, request);
  };

/** Load of whole flows: see flows.mjs. */
export const flowing = ({ url, client }) => ({
  flows: { url, ...client, authorization: basic(client), redirectUri: REDIRECT, ...JWT_ASKED },
});

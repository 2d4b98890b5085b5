import { createHash } from 'node:crypto';
import type { Dice } from '../dice.ts';
import { decoySecret } from '../values.ts';
import { assertionOf } from './assertion.ts';
import { type Cast, type FuzzClient, REDIRECT } from './cast.ts';
import type { OauthMemory } from './memory.ts';

export type Fields = [name: string, value: string][];

/** A request to one of the endpoints with nothing wrong in it. */
export interface SoundForm {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  fields: Fields;
  /** Where the fields stand. */
  place: 'query' | 'form' | 'json' | 'nowhere';
  headers: [string, string][];
  /** Null: whoever holds the token in it, or a person. */
  client: FuzzClient | null;
}

export interface Making {
  dice: Dice;
  cast: Cast;
  memory: OauthMemory;
  /** What is not sound in an assertion, for the report. */
  done: string[];
}

type Maker = (making: Making) => SoundForm;

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const basic = ({ id, secret }: FuzzClient) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;

/** The client's proof as its registration has it, as fields or as a header. */
function proofOf(making: Making, client: FuzzClient): Pick<SoundForm, 'fields' | 'headers'> {
  const { proof, id, secret } = client;
  if (proof === 'none') return { fields: [['client_id', id]], headers: [] };
  if (proof === 'basic') return { fields: [], headers: [['Authorization', basic(client)]] };
  const own: Fields = [['client_id', id]];
  if (proof === 'post') return { fields: [...own, ['client_secret', secret]], headers: [] };
  const text = assertionOf(making.cast, client, making.dice, making.done);
  const named = making.dice.chance(0.5) ? own : [];
  const fields: Fields = [...named, ['client_assertion_type', ASSERTION_TYPE], ['client_assertion', text]];
  return { fields, headers: [] };
}

/** A form that a client sends for itself. */
function formOf(making: Making, client: FuzzClient, path: string, fields: Fields): SoundForm {
  const proof = proofOf(making, client);
  const shared = { method: 'POST', path, place: 'form', client } as const;
  return { ...shared, fields: [...fields, ...proof.fields], headers: proof.headers };
}

const TOKEN_PATHS = ['/oauth/token', '/oauth/token', '/token'];

/** With what most requests say, and some. */
function tokenForm(making: Making, client: FuzzClient, fields: Fields): SoundForm {
  const { dice, cast } = making;
  const more: Fields = [];
  if (dice.chance(0.2)) more.push(['scope', dice.pick(['read', 'openid read', 'read write'])]);
  if (dice.chance(0.15)) more.push(['resource', `${cast.issuer}/v1`]);
  const form = formOf(making, client, dice.pick(TOKEN_PATHS), [...fields, ...more]);
  return dice.chance(0.15) ? { ...form, place: 'json' } : form;
}

/** One of what this lane was given, with the client that it was given to. */
function owned(making: Making, list: OauthMemory['codes'], consumes = false): [string, FuzzClient] | null {
  if (list.length === 0) return null;
  const { dice, cast } = making;
  const at = dice.below(list.length);
  // A code is shown again now and then, which ends what it gave.
  const item = consumes && dice.chance(0.8) ? list.splice(at, 1)[0] : list[at];
  const client = cast.clients.find(({ id }) => id === item?.clientId);
  return item === undefined || client === undefined ? null : [item.text, client];
}

const forPeople = ({ clients }: Cast) => clients.filter(({ isService }) => !isService);

/** An authorization request in the browser of the person. */
const authorize: Maker = ({ dice, cast, memory }) => {
  const client = dice.pick(forPeople(cast));
  const fields: Fields = [
    ['response_type', 'code'],
    ['client_id', client.id],
    ['redirect_uri', REDIRECT],
    ['scope', dice.pick(['openid read', 'read', 'openid profile email offline_access read write'])],
    ['state', `state ${dice.below(1000)} & = %`],
    ['code_challenge', CHALLENGE],
    ['code_challenge_method', 'S256'],
  ];
  if (dice.chance(0.3)) fields.push(['nonce', `n-${dice.below(1000)}`]);
  if (dice.chance(0.15)) fields.push(['prompt', dice.pick(['none', 'login', 'consent', 'select_account'])]);
  if (dice.chance(0.1)) fields.push(['max_age', dice.pick(['0', '3600'])]);
  if (dice.chance(0.1)) fields.push(['response_mode', dice.pick(['query', 'form_post'])]);
  if (dice.chance(0.15)) fields.push(['resource', `${cast.issuer}/v1`]);
  if (dice.chance(0.1)) fields.push(['login_hint', cast.person.name], ['ui_locales', 'en'], ['display', 'page']);
  const cookie = [cast.person.cookie, memory.browser].filter((each) => each != null).join('; ');
  const isForm = dice.chance(0.15);
  return {
    method: isForm ? 'POST' : 'GET',
    path: dice.pick(['/oauth/authorize', '/oauth/authorize', '/authorize']),
    fields,
    place: isForm ? 'form' : 'query',
    // A form of another site's page brings no cookies.
    headers: isForm ? [] : [['Cookie', cookie]],
    client,
  };
};

const code: Maker = (making) => {
  const found = owned(making, making.memory.codes, true);
  if (found === null) return authorize(making);
  const [text, client] = found;
  const fields: Fields = [
    ['grant_type', 'authorization_code'],
    ['code', text],
    ['redirect_uri', REDIRECT],
    ['code_verifier', VERIFIER],
  ];
  return tokenForm(making, client, fields);
};

const refresh: Maker = (making) => {
  const found = owned(making, making.memory.refreshTokens);
  if (found === null) return code(making);
  const [text, client] = found;
  return tokenForm(making, client, [
    ['grant_type', 'refresh_token'],
    ['refresh_token', text],
  ]);
};

const clientCredentials: Maker = (making) => {
  const { dice, cast } = making;
  const client = dice.pick(cast.clients.filter(({ proof }) => proof !== 'none'));
  return tokenForm(making, client, [['grant_type', 'client_credentials']]);
};

const jwtBearer: Maker = (making) => {
  const { dice, cast, done } = making;
  const client = dice.pick(cast.clients.filter(({ isService }) => isService));
  const assertion = assertionOf(cast, client, dice, done);
  return tokenForm(making, client, [
    ['grant_type', JWT_BEARER],
    ['assertion', assertion],
  ]);
};

function tokenAnd(making: Making, path: string): SoundForm {
  const { dice, memory } = making;
  const lists = [memory.accessTokens, memory.refreshTokens].filter((list) => list.length > 0);
  const found = lists.length === 0 ? null : owned(making, dice.pick(lists), path.endsWith('revoke'));
  const [text, client] = found ?? [decoySecret(dice), dice.pick(making.cast.clients)];
  const hint: Fields = dice.chance(0.3) ? [['token_type_hint', dice.pick(['access_token', 'refresh_token'])]] : [];
  return formOf(making, client, path, [['token', text], ...hint]);
}

const userinfo: Maker = (making) => {
  const found = owned(making, making.memory.accessTokens);
  if (found === null) return code(making);
  const [text] = found;
  const headers: [string, string][] = [['Authorization', `Bearer ${text}`]];
  const method = making.dice.pick(['GET', 'POST'] as const);
  return { method, path: '/oauth/userinfo', fields: [], place: 'nowhere', headers, client: null };
};

function metadataOf(dice: Dice): Fields {
  const fields: Fields = [
    ['redirect_uris', JSON.stringify([REDIRECT, 'http://localhost:3000/cb'].slice(0, 1 + dice.below(2)))],
    ['client_name', JSON.stringify(`Fuzz ${dice.below(100)}`)],
  ];
  const maybe = (name: string, ...values: unknown[]) => {
    if (dice.chance(0.3)) fields.push([name, JSON.stringify(dice.pick(values))]);
  };
  maybe('token_endpoint_auth_method', 'none', 'client_secret_post', 'client_secret_basic');
  maybe('grant_types', ['authorization_code'], ['authorization_code', 'refresh_token']);
  maybe('response_types', ['code']);
  maybe('scope', 'read', 'openid read unknown-scope');
  maybe('application_type', 'web', 'native');
  maybe('client_uri', 'https://app.example/');
  maybe('logo_uri', 'https://app.example/logo.png');
  maybe('contacts', ['dev@app.example']);
  maybe('jwks', { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }] });
  maybe('post_logout_redirect_uris', ['https://app.example/bye']);
  return fields;
}

const registration: Maker = ({ dice, memory }) => {
  const shared = { place: 'json', headers: [] as [string, string][], client: null } as const;
  const known = memory.registrations;
  if (known.length === 0 || dice.chance(0.5)) {
    return { ...shared, method: 'POST', path: '/oauth/register', fields: metadataOf(dice) };
  }
  const { text, clientId } = dice.pick(known);
  const own = { path: `/oauth/register/${clientId}`, headers: [['Authorization', `Bearer ${text}`]] } as Pick<
    SoundForm,
    'path' | 'headers'
  >;
  if (dice.chance(0.5)) return { ...shared, ...own, method: 'GET', fields: [], place: 'nowhere' };
  if (dice.chance(0.2)) return { ...shared, ...own, method: 'DELETE', fields: [], place: 'nowhere' };
  const fields: Fields = [['client_id', JSON.stringify(clientId)], ...metadataOf(dice)];
  return { ...shared, ...own, method: 'PUT', fields };
};

const consent: Maker = (making) => {
  const { dice, cast, memory } = making;
  const cookie = [cast.person.cookie, memory.browser].filter((each) => each != null).join('; ');
  const shared = { path: '/oauth/consent', client: cast.clients[0] ?? null };
  const asking = cast.clients.find(({ caller }) => caller.name === 'web that asks') ?? null;
  const question = memory.questions.pop();
  if (question !== undefined) {
    const { formToken, request, terms } = question;
    const fields: Fields = [
      ['form_token', formToken],
      ['request', request],
      ['terms', terms],
      ['decision', dice.chance(0.8) ? 'allow' : 'deny'],
    ];
    const headers: [string, string][] = [
      ['Cookie', cookie],
      ['Sec-Fetch-Site', 'same-origin'],
    ];
    return { ...shared, client: asking, method: 'POST', fields, place: 'form', headers };
  }
  const request = memory.requests.pop();
  if (request === undefined) return authorize(making);
  return { ...shared, method: 'GET', fields: [['request', request]], place: 'query', headers: [['Cookie', cookie]] };
};

/** Each as often as it stands here. */
const MAKERS: readonly Maker[] = [
  authorize,
  authorize,
  authorize,
  consent,
  consent,
  code,
  code,
  code,
  refresh,
  refresh,
  refresh,
  clientCredentials,
  clientCredentials,
  jwtBearer,
  jwtBearer,
  (making) => tokenAnd(making, '/oauth/revoke'),
  (making) => tokenAnd(making, '/oauth/introspect'),
  (making) => tokenAnd(making, '/oauth/introspect'),
  userinfo,
  registration,
  registration,
];

export function soundForm(making: Making): SoundForm {
  return making.dice.pick(MAKERS)(making);
}

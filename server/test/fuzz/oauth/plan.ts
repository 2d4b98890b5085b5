import type { Draft } from '../draft.ts';
import type { Source } from '../fitting-values.ts';
import type { Operation } from '../operations.ts';
import { mutate } from '../request-mutations.ts';
import { hostileJson, hostileText } from '../values.ts';
import type { Cast, FuzzClient } from './cast.ts';
import { type Fields, type SoundForm, soundForm } from './forms.ts';

type Spoil = (form: SoundForm, source: Source, cast: Cast) => void;

const someField = ({ fields }: SoundForm, { dice }: Source) => (fields.length === 0 ? null : dice.pick(fields));

/** As the place of the field writes it: JSON for a document of registration, text elsewhere. */
function hostileValue(form: SoundForm, { dice }: Source): string {
  if (isDocument(form)) return hostileJson(dice).text;
  return hostileText(dice);
}

const isDocument = ({ path }: SoundForm) => path.startsWith('/oauth/register');

const KNOWN_NAMES = [
  'grant_type',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'code',
  'redirect_uri',
  'code_verifier',
  'refresh_token',
  'assertion',
  'scope',
  'resource',
  'token',
  'token_type_hint',
  'ip',
  'state',
  'nonce',
  'prompt',
  'max_age',
  'response_mode',
  'response_type',
  'id_token_hint',
  'login_hint',
  'request',
  'request_uri',
  'claims',
  'acr_values',
  'display',
  'audience',
  'username',
  '__proto__',
  'constructor',
  'scope[]',
];

const DOCUMENT_NAMES = ['jwks', 'jwks_uri', 'logo_uri', 'software_statement', 'grant_types', 'scope', 'client_name'];

/** One thing that is wrong with a form that is sound otherwise, so that the code behind the first check is reached. */
const SPOILS: Record<string, Spoil> = {
  'a hostile value': (form, source) => {
    const field = someField(form, source);
    if (field) field[1] = hostileValue(form, source);
  },
  'a hostile value more': (form, source) => {
    const name = source.dice.pick(isDocument(form) ? DOCUMENT_NAMES : KNOWN_NAMES);
    form.fields.push([name, hostileValue(form, source)]);
  },
  missing: (form, source) => {
    const field = someField(form, source);
    form.fields = form.fields.filter((each) => each !== field);
  },
  twice: (form, source) => {
    const field = someField(form, source);
    if (field) form.fields.push([...field]);
  },
  empty: (form, source) => {
    const field = someField(form, source);
    if (field && !isDocument(form)) field[1] = '';
  },
  'a letter changed': (form, { dice }) => {
    const field = form.fields.filter(([, value]) => value !== '');
    if (field.length === 0 || isDocument(form)) return;
    const one = dice.pick(field);
    const at = dice.below(one[1].length);
    one[1] = `${one[1].slice(0, at)}${dice.pick(['A', '.', ' ', '\0', 'ü', ''])}${one[1].slice(at + 1)}`;
  },
  'another client': (form, { dice }, { clients }) => {
    const other = dice.pick(clients);
    form.fields = form.fields.filter(([name]) => !name.startsWith('client_'));
    form.fields.push(['client_id', other.id]);
    if (dice.chance(0.5)) form.fields.push(['client_secret', other.secret]);
  },
  'two proofs': (form, { dice }, { clients }) => {
    const other: FuzzClient = form.client ?? dice.pick(clients);
    form.fields.push(['client_id', other.id], ['client_secret', other.secret]);
  },
  'an odd proof': (form, { dice }) => {
    const id = form.client?.id ?? 'app_000000000000000000000000';
    const odd = [
      'Basic',
      'Basic !!!',
      `Basic ${Buffer.from(id).toString('base64')}`,
      `Basic ${Buffer.from(`${id}:%zz`).toString('base64')}`,
      `Basic ${Buffer.from(`${id}:`).toString('base64')}`,
      `Basic ${Buffer.from(`:${'x'.repeat(3000)}`).toString('base64')}`,
      `Basic ${Buffer.from([0xff, 0xfe, 0x3a, 0xff]).toString('base64')}`,
      `Basic ${Buffer.from(`${id}:\0`).toString('base64')}`,
      `Bearer ${id}`,
    ];
    form.headers = [...form.headers.filter(([name]) => name !== 'Authorization'), ['Authorization', dice.pick(odd)]];
  },
};

const formText = (fields: Fields) =>
  new URLSearchParams(fields.map(([name, value]) => [name, value.toWellFormed()])).toString();

function jsonText(form: SoundForm): string {
  const members = form.fields.map(
    ([name, value]) => `${JSON.stringify(name)}:${isDocument(form) ? value : JSON.stringify(value)}`,
  );
  return `{${members.join(',')}}`;
}

function bodyOf(form: SoundForm, { dice }: Source, done: string[]): Buffer {
  const bytes = Buffer.from(form.place === 'json' ? jsonText(form) : formText(form.fields));
  if (!dice.chance(0.05)) return bytes;
  done.push('odd bytes');
  const at = dice.below(bytes.length + 1);
  const odd = dice.pick(['%', '%zz', '%ff', '\0', '%00', '&&&', '=', '+'.repeat(2000), '\xff', '&__proto__=1', '{']);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(odd, 'latin1'), bytes.subarray(at)]);
}

const TYPES = { form: 'application/x-www-form-urlencoded', json: 'application/json' };

const operation = ({ method, path }: SoundForm): Operation => ({
  method,
  template: path,
  collection: 'oauth',
  tag: 'oauth-forms',
  isPublic: true,
  parameters: [],
  body: null,
  replies: new Map(),
});

/** A grant by its type, any other request by its method and path. */
function kindOf({ method, path, fields }: SoundForm): string {
  const grant = path.endsWith('/token') ? fields.find(([name]) => name === 'grant_type')?.[1] : undefined;
  return grant ?? `${method} ${path.replace(/app_\w+/, '{client_id}')}`;
}

/** A request to one of OAuth's endpoints by one who knows how to ask. */
export function oauthDraft(index: number, cast: Cast, source: Source): Draft {
  const { dice, lane } = source;
  const done: string[] = [];
  const form = soundForm({ dice, cast, memory: lane.oauth, done });
  const kind = kindOf(form);
  if (dice.chance(0.5)) {
    const name = dice.pick(Object.keys(SPOILS));
    done.push(name);
    SPOILS[name]?.(form, source, cast);
  }
  const holder = form.client?.id ?? '';
  const hasBody = form.place === 'form' || form.place === 'json';
  const draft: Draft = {
    index,
    caller: form.headers.some(([name]) => name === 'Cookie')
      ? cast.person
      : (form.client ?? { caller: cast.person }).caller,
    operation: operation(form),
    method: form.method,
    path: form.path,
    query: form.place === 'query' && form.fields.length > 0 ? formText(form.fields).split('&') : [],
    headers: [...form.headers],
    body: hasBody ? bodyOf(form, source, done) : null,
    framing: 'whole',
    saidLength: '',
    mutations: done,
    holder,
    kind,
    heard: (reply) => lane.oauth.hear(holder, reply),
  };
  if (form.place === 'form' || form.place === 'json') draft.headers.push(['Content-Type', TYPES[form.place]]);
  if (form.place === 'query') draft.headers.push(['Accept', 'text/html,application/xhtml+xml']);
  // Wrong proofs are counted by client and address: they come from everywhere.
  draft.headers.push(['X-Forwarded-For', `10.${dice.below(250)}.${dice.below(250)}.${dice.below(250)}`]);
  if (dice.chance(0.15)) mutate(draft, source);
  if (draft.framing === 'broken' && draft.method === 'HEAD') draft.method = 'GET';
  return draft;
}

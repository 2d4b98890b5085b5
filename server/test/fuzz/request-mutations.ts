import type { Draft } from './draft.ts';
import { headerOf } from './draft.ts';
import type { Source } from './fitting-values.ts';
import { decoySecret, hostileWord } from './values.ts';

type Mutation = (draft: Draft, source: Source) => void;

/** What can stand in a header line: no line breaks and no NUL, which are for the raw sockets. */
const headerText = (text: string) =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[\r\n\0]/g, '')
    .slice(0, 900);
const encoded = (text: string) => encodeURIComponent(text.toWellFormed());

function setHeader(draft: Draft, name: string, value: string): void {
  draft.headers = draft.headers.filter(([each]) => each.toLowerCase() !== name.toLowerCase());
  draft.headers.push([name, value]);
}

const CONTENT_TYPES = [
  'text/plain',
  'APPLICATION/JSON',
  'application/json;charset=utf-8',
  'application/json; charset=utf-16',
  'application/json; charset="',
  'application/json\t',
  'application/json\tx',
  '\tapplication/json',
  'application/json;',
  'application/json;;;',
  'application/json, text/plain',
  'application/jsonx',
  'application/ld+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  '*/*',
  '/',
  '',
  'json',
  `application/json; a=${'b'.repeat(2000)}`,
  'application/json; __proto__=x',
  'constructor',
  '__proto__',
];

const PATH_TRICKS: Record<string, (path: string) => string> = {
  'slash at the end': (path) => `${path}/`,
  'slash twice': (path) => path.replace(/\/(?=[^/]*$)/, '//'),
  'other case': (path) => path.toUpperCase(),
  'dot segments': (path) => `${path}/../${path.split('/').at(-1)}`,
  'encoded dots': (path) => `${path}/%2e%2e/x`,
  'encoded slash': (path) => path.replace(/\/(?=[^/]*$)/, '%2f'),
  'encoded letter': (path) => path.replace(/[a-z](?=[^/]*$)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  'twice encoded': (path) => path.replace(/[a-z](?=[^/]*$)/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  semicolon: (path) => `${path};a=b`,
  suffix: (path) => `${path}.json`,
  percent: (path) => `${path}%`,
  'no UTF-8': (path) => `${path}%ff%fe`,
  NUL: (path) => `${path}%00`,
  'other version': (path) => path.replace(/^\/v\d/, '/v3'),
  'no version': (path) => path.replace(/^\/v\d/, ''),
  'both versions': (path) => `/v1${path}`,
  'whole URL': (path) => `http://localhost${path}`,
  'whole URL of another': (path) => `https://evil.example:99999${path}`,
  'odd scheme': (path) => `file://${path}`,
  backslash: (path) => path.replaceAll('/', '\\'),
  'byte above ASCII': (path) => `${path}\xe9`,
  'encoded version': (path) => path.replace(/^\/v/, '/%76'),
  fragment: (path) => `${path}#x`,
  long: (path) => `${path}/${'a'.repeat(3000)}`,
  star: () => '*',
  empty: () => '/',
};

/** What can happen to a request besides its body. */
const MUTATIONS: Record<string, Mutation> = {
  method: (draft, { dice }) => {
    draft.method = dice.pick([
      'GET',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'HEAD',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'SEARCH',
      'QUERY',
      'LINK',
    ]);
  },
  'method override': (draft, { dice }) =>
    setHeader(draft, 'X-HTTP-Method-Override', dice.pick(['DELETE', 'GET', 'PATCH'])),
  path: (draft, { dice }) => {
    const name = dice.pick(Object.keys(PATH_TRICKS));
    draft.mutations.push(`path: ${name}`);
    draft.path = PATH_TRICKS[name]?.(draft.path) ?? draft.path;
  },
  'hostile last segment': (draft, { dice }) => {
    draft.path = draft.path.replace(/[^/]*$/, encoded(hostileWord(dice)));
  },
  'a foreign id': (draft, { dice, world }) => {
    draft.path = draft.path.replace(/(?<=\/)[a-z]+_[0-9A-Za-z]{24}(?=\/|$)/, () => dice.pick(world.foreign).id);
  },
  'hostile parameter': (draft, { dice }) => {
    const names = draft.operation.parameters.filter((each) => each.in === 'query').map(({ name }) => name);
    draft.query.push(`${names.length > 0 ? dice.pick(names) : 'limit'}=${encoded(hostileWord(dice))}`);
  },
  'unknown parameter': (draft, { dice }) => {
    const name = dice.pick(['__proto__', 'constructor', 'a[]', 'a[b]', 'limit[]', '', 'toString', hostileWord(dice)]);
    draft.query.push(`${encoded(name)}=${encoded(hostileWord(dice))}`);
  },
  'parameter twice': (draft) => void draft.query.push(...draft.query),
  'broken parameter': (draft, { dice }) =>
    void draft.query.push(dice.pick(['%', '%zz', '=', '&&&', '%ff=%fe', '?', 'a=%00', 'limit=%31'])),
  'many parameters': (draft, { dice }) => {
    draft.query.push(...Array.from({ length: dice.pick([20, 300, 1100]) }, (_, index) => `a${index}=1`));
  },
  'a secret in the query': (draft, { dice }) => {
    draft.query.push(`${dice.pick(['access_token', 'api_key', 'x', 'scope'])}=${decoySecret(dice)}`);
  },
  cursor: (draft, { dice, lane }) => {
    const cursor = lane.cursors.length > 0 ? dice.pick(lane.cursors) : 'AAAA';
    const at = dice.below(cursor.length);
    const letter = dice.pick(['A', '_', '=', '.', '%00', '']);
    draft.query = draft.query.filter((each) => !each.startsWith('cursor='));
    draft.query.push(`cursor=${cursor.slice(0, at)}${letter}${cursor.slice(at + 1)}`);
  },
  'content type': (draft, { dice }) => setHeader(draft, 'Content-Type', dice.pick(CONTENT_TYPES)),
  'no content type': (draft) => {
    draft.headers = draft.headers.filter(([name]) => name.toLowerCase() !== 'content-type');
  },
  'content type twice': (draft) => void draft.headers.push(['content-type', 'text/plain']),
  authorization: (draft, { dice }) => {
    const credential = draft.caller.credential ?? decoySecret(dice);
    const odd = [
      `Basic ${Buffer.from(`${credential}:`).toString('base64')}`,
      'Bearer',
      'Bearer ',
      `bearer  ${credential}`,
      `Bearer ${credential} x`,
      `Bearer ${credential},`,
      credential,
      `DPoP ${credential}`,
      `Bearer ${credential.slice(0, -1)}`,
      `Bearer ${credential.toUpperCase()}`,
      `Bearer\t${credential}`,
      `Bearer ${'a.'.repeat(400)}`,
      'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.',
      `Bearer ${decoySecret(dice)}`,
      `Bearer ${headerText(hostileWord(dice))}`,
      headerText(hostileWord(dice)),
    ];
    setHeader(draft, 'Authorization', dice.pick(odd));
  },
  'two credentials': (draft, { dice, world }) => {
    const second = dice.pick(world.callers);
    // With one alone, nobody is somebody; and it comes before a cookie, but not on a page, which reads the cookie alone.
    if (draft.caller.credential === null && draft.operation.tag !== 'pages') draft.caller = second;
    const other = second.credential ?? decoySecret(dice);
    draft.headers.push(dice.chance(0.5) ? ['X-API-Key', other] : ['Authorization', `Bearer ${other}`]);
  },
  'request id': (draft, { dice }) => {
    setHeader(
      draft,
      'X-Request-ID',
      dice.pick([
        'a',
        'a'.repeat(128),
        'a'.repeat(129),
        '',
        'ä',
        'a b',
        '../x',
        decoySecret(dice),
        headerText(hostileWord(dice)),
      ]),
    );
  },
  'API version': (draft, { dice }) => {
    setHeader(
      draft,
      'X-API-Version',
      dice.pick(['1.0', '2.0', '1', '3.0', '', '1.0, 2.0', '__proto__', headerText(hostileWord(dice))]),
    );
  },
  'idempotency key': (draft, { dice }) => {
    setHeader(
      draft,
      'Idempotency-Key',
      dice.pick([
        '',
        'a'.repeat(255),
        'a'.repeat(256),
        'ä',
        decoySecret(dice),
        '"quoted"',
        headerText(hostileWord(dice)),
      ]),
    );
  },
  accept: (draft, { dice }) => {
    setHeader(
      draft,
      'Accept',
      dice.pick([
        'application/problem+json',
        'text/html',
        'application/problem+json;q=0',
        '',
        '*/*;q=',
        headerText(hostileWord(dice)),
      ]),
    );
  },
  'forwarded headers': (draft, { dice }) => {
    const value = dice.pick(['127.0.0.1', '::1', 'evil.example', '127.0.0.1, 10.0.0.1', headerText(hostileWord(dice))]);
    setHeader(
      draft,
      dice.pick([
        'X-Forwarded-For',
        'Forwarded',
        'X-Forwarded-Host',
        'X-Forwarded-Proto',
        'X-Real-IP',
        'X-Original-URL',
        'X-Rewrite-URL',
        'X-Latchkey-User-Id',
      ]),
      value,
    );
  },
  'odd header': (draft, { dice }) => {
    const name = dice.pick([
      'Cookie',
      'Origin',
      'Referer',
      'Range',
      'If-None-Match',
      'If-Match',
      'Accept-Encoding',
      'TE',
      'Max-Forwards',
      'Via',
      'Expect',
      'X-Client-Version',
      'Accept-Version',
      '__proto__',
      'constructor',
      'DPoP',
      'Keep-Alive',
    ]);
    setHeader(draft, name, name === 'Expect' ? dice.pick(['100-continue', 'x']) : headerText(hostileWord(dice)));
  },
  host: (draft, { dice }) =>
    setHeader(
      draft,
      'Host',
      dice.pick([
        'evil.example',
        'localhost:99999',
        '',
        'a b',
        'a,b',
        '[::1]',
        'http://x/',
        headerText(hostileWord(dice)),
      ]),
    ),
  'in chunks': (draft) => {
    if (draft.body !== null) draft.framing = 'chunked';
  },
  'a body where none is expected': (draft, { dice }) => {
    draft.body ??= Buffer.from(dice.pick(['{}', '{"name":"x"}', 'null', 'x', ' '.repeat(70_000)]));
    if (headerOf(draft, 'content-type') === undefined)
      setHeader(draft, 'Content-Type', dice.pick(['application/json', 'text/plain', 'a/b']));
  },
  'a wrong length': (draft, { dice }) => {
    draft.body ??= Buffer.from('{}');
    draft.framing = 'broken';
    const { length } = draft.body;
    draft.saidLength = dice.pick([
      String(length + 1),
      String(length + 100_000),
      String(Math.max(0, length - 1)),
      '-1',
      '0x2',
      '1e3',
      `${length}, ${length}`,
      '9'.repeat(30),
      '',
      ' ',
      `+${length}`,
      `${length} ${length}`,
    ]);
  },
};

/** Does one thing to the request, and notes what. */
export function mutate(draft: Draft, source: Source): void {
  const name = source.dice.pick(Object.keys(MUTATIONS));
  draft.mutations.push(name);
  MUTATIONS[name]?.(draft, source);
}

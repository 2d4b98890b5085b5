import { mintSecret } from '@latchkey/protocol';
import { expect, test } from 'vitest';
import { diceOf } from './dice.ts';
import { bytesOf, type Draft } from './draft.ts';
import { holdingProblems, tableProblems } from './growth.ts';
import { Lane } from './lane.ts';
import { createLogWatch } from './log-watch.ts';
import { createFinder, type OpenApiDocument, operationsOf } from './operations.ts';
import { createOracle } from './oracle.ts';
import type { Pages } from './pages.ts';
import { draftOf } from './plan.ts';
import { RAW_CASES, rawCase } from './raw-cases.ts';
import { problemsOfRaw } from './raw-run.ts';
import { SecretBook } from './secrets.ts';
import { NotAReply, ReplyReader, type WireReply } from './wire.ts';

const secret = (seed: number) => mintSecret('secret_test', (count) => diceOf(seed).bytes(count));
const MINE = secret(1);
const OTHERS = secret(2);
const book = new SecretBook();
book.enter(MINE);
book.enter(OTHERS);
book.enter('a password of 1234');

const item = { type: 'object', properties: { id: { type: 'string' }, key: { type: 'string' } }, required: ['id'] };
const answers = (status: string) => ({
  responses: { [status]: { content: { 'application/json': { schema: item } } } },
});
const document: OpenApiDocument = {
  paths: {
    '/v1/things': { get: { ...answers('200'), security: [{}] }, post: { ...answers('201'), security: [{}] } },
    '/open': { get: answers('200') },
  },
};
const operations = operationsOf(document);
const world = { marker: 'foreign-mark', otherWorkspace: 'ws_other' };
const judge = createOracle({ find: createFinder(operations), isPage: (path) => path.startsWith('/room'), world, book });

const caller = { name: 'mine', credential: MINE, workspaceId: 'ws_mine', readsOnly: false, isDead: false };
const draft = (changes: Partial<Draft> = {}): Draft => ({
  index: 1,
  caller,
  operation: operations[0]!,
  method: 'GET',
  path: '/v1/things',
  query: [],
  headers: [['X-Request-ID', 'fuzz-1']],
  body: null,
  framing: 'whole',
  saidLength: '',
  mutations: [],
  ...changes,
});

const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-request-id': 'fuzz-1',
};
const reply = (status: number, body: unknown, headers: Record<string, string> = {}): WireReply => ({
  status,
  headers: new Map(Object.entries({ ...HEADERS, ...headers })),
  text: typeof body === 'string' ? body : JSON.stringify(body),
});
const failure = (code: string, status: number, more: object = {}) => ({
  error: code,
  message: 'No.',
  code: status,
  timestamp: '2030-01-01T00:00:00.000Z',
  request_id: 'fuzz-1',
  docs_url: 'http://localhost/docs/errors#x',
  ...more,
});

test('a good reply is good', () => {
  expect(judge(draft(), reply(200, { id: 'x' })).problems).toEqual([]);
  expect(judge(draft(), reply(404, failure('not_found', 404))).problems).toEqual([]);
  const fresh = secret(3);
  expect(judge(draft({ method: 'POST' }), reply(201, { id: 'x', key: fresh })).problems).toEqual([]);
  const replayed = { 'idempotency-replayed': 'true' };
  expect(judge(draft({ method: 'POST' }), reply(201, { id: 'x', key: fresh }, replayed)).problems).toEqual([]);
});

const dead = { ...caller, isDead: true };
const reader = { ...caller, readsOnly: true };
const BAD: [string, WireReply, RegExp, Partial<Draft>?][] = [
  ['an undeclared field', reply(200, { id: 'x', hash: 'y' }), /not as documented/],
  ['a missing field', reply(200, {}), /not as documented/],
  ['an undeclared status', reply(202, { id: 'x' }), /a status that the document does not have/],
  [
    'success at an unknown path',
    reply(200, { id: 'x' }),
    /a path that the document does not have/,
    { path: '/v1/other' },
  ],
  ['a dead credential let in', reply(200, { id: 'x' }), /without a valid credential/, { caller: dead }],
  ['a reader that writes', reply(201, { id: 'x' }), /may only read/, { caller: reader, method: 'POST' }],
  ["another tenant's text", reply(200, { id: 'foreign-mark' }), /another workspace/],
  ["somebody's secret", reply(200, { id: OTHERS }), /given to somebody before/],
  ['a secret shown again', reply(201, { id: 'x', key: OTHERS }), /given to somebody before/, { method: 'POST' }],
  ['a secret of nobody that is read', reply(200, { id: secret(8) }), /makes none/],
  ['a cookie', reply(200, { id: 'x' }, { 'set-cookie': 'a=b' }), /cookie/],
  ['a password', reply(200, { id: 'a password of 1234' }), /password/],
  ['no request id', reply(200, { id: 'x' }, { 'x-request-id': '' }), /X-Request-ID/],
  ['another request id', reply(200, { id: 'x' }, { 'x-request-id': 'other' }), /not the one that was sent/],
  ['a private reply to be stored', reply(200, { id: 'x' }, { 'cache-control': 'public' }), /may be stored/],
  ['a private reply for any page', reply(200, { id: 'x' }, { 'access-control-allow-origin': '*' }), /another site/],
  ['a redirect', reply(302, ''), /status 302/],
  ['500', reply(500, failure('internal_error', 500)), /status 500/],
  ['503', reply(503, failure('unavailable', 503)), /status 503/],
  ['an unknown code', reply(404, failure('gone', 404)), /catalogue/],
  ['a code of another status', reply(400, failure('not_found', 404)), /came as 400/],
  ['the other shape', reply(404, failure('not_found', 404)), /shape v2/, { path: '/v2/things' }],
  ['a further field', reply(404, failure('not_found', 404, { stack: 'x' })), /shape v1/],
  ['text instead of JSON', reply(404, 'Not found', { 'content-type': 'text/plain' }), /type text\/plain/],
  ['a stack trace', reply(404, failure('not_found', 404, { message: 'x\n    at y' })), /tells/],
  ['SQL', reply(404, failure('not_found', 404, { message: 'SQLITE_ERROR' })), /tells/],
  ['a credential in an error', reply(404, failure('not_found', 404, { message: secret(9) })), /repeats a credential/],
  ['401 without a challenge', reply(401, failure('invalid_token', 401)), /WWW-Authenticate/],
  ['429 without a time', reply(429, failure('rate_limit_exceeded', 429)), /Retry-After/],
  ['405 without methods', reply(405, failure('method_not_allowed', 405)), /Allow/],
];

test.each(BAD)('%s is found', (_, bad, expected, changes = {}) => {
  expect(judge(draft(changes), bad).problems.join('\n')).toMatch(expected);
});

test('the log may hold no warning, no secret, and nothing but JSON', () => {
  const line = (more: object) => `${JSON.stringify({ level: 20, time: 't', msg: 'm', ...more })}\n`;
  const problemsOf = (...chunks: string[]) => {
    const log = createLogWatch(book);
    for (const chunk of chunks) log.write(chunk);
    return log.problems;
  };
  expect(problemsOf(line({}), line({}).slice(0, 9), line({}).slice(9))).toEqual([]);
  expect(problemsOf(line({ level: 40 }))).toEqual([expect.stringContaining('level 40')]);
  expect(problemsOf(line({ a: OTHERS }))).toEqual([expect.stringContaining('a secret in the log')]);
  expect(problemsOf(line({ a: 'a password of 1234' }))).toEqual([expect.stringContaining('a secret in the log')]);
  expect(problemsOf(line({ a: 'sk_test_[redacted]' }))).toEqual([expect.stringContaining('redaction')]);
  expect(problemsOf('(node:1) Warning: x\n')).toEqual([expect.stringContaining('not JSON')]);
});

test('what grows is found', () => {
  const holds = (heapMiB: number, sockets = 1, timers = 9) => ({
    heapBytes: heapMiB * 2 ** 20,
    residentBytes: 0,
    sockets,
    timers,
  });
  expect(holdingProblems({ start: holds(40), half: holds(50), end: holds(60) })).toEqual([]);
  expect(holdingProblems({ start: holds(40), half: holds(50), end: holds(80) })[0]).toMatch(/heap/);
  expect(holdingProblems({ start: holds(40), half: holds(50), end: holds(50, 2) })[0]).toMatch(/sockets/);
  expect(holdingProblems({ start: holds(40), half: holds(50), end: holds(50, 1, 99) })[0]).toMatch(/timers/);
  const acknowledged = { writes: 10, keyed: 2, imported: 0, guesses: 0, assertions: 0 };
  expect(
    tableProblems(
      new Map([
        ['things', 310],
        ['idempotency_keys', 2],
      ]),
      acknowledged,
    ),
  ).toEqual([]);
  expect(
    tableProblems(
      new Map([
        ['things', 311],
        ['idempotency_keys', 3],
      ]),
      acknowledged,
    ),
  ).toHaveLength(2);
});

test('a smuggled request that is answered is found, and so is an answer in the wrong place', () => {
  const raw = rawCase(RAW_CASES.indexOf('Content-Length and Transfer-Encoding'), {
    dice: diceOf(1),
    id: 'raw-1',
    credential: MINE,
  });
  const withId = (id: string) =>
    reply(400, failure('invalid_request', 400, { request_id: id }), { 'x-request-id': id });
  const made = 'req_000000000000000000000000';
  expect(problemsOfRaw(raw, { replies: [withId('raw-1-a'), withId(made)], stuck: null })).toEqual([]);
  expect(problemsOfRaw(raw, { replies: [withId('raw-1-smuggled')], stuck: null })[0]).toMatch(
    /answered raw-1-smuggled/,
  );
  expect(problemsOfRaw(raw, { replies: [], stuck: 'still open' })).toEqual(['still open', 'no reply']);
});

test('bytes that are no reply are found; a reply in pieces is one', () => {
  const whole = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\na: c\r\n\r\nhi');
  for (let at = 0; at <= whole.length; at += 1) {
    const reader = new ReplyReader();
    const replies = [...reader.read(whole.subarray(0, at)), ...reader.read(whole.subarray(at))];
    expect(replies).toEqual([
      {
        status: 200,
        headers: new Map([
          ['content-length', '2'],
          ['a', 'b, c'],
        ]),
        text: 'hi',
      },
    ]);
  }
  for (const text of ['hello\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\nnothing\r\n\r\n']) {
    expect(() => new ReplyReader().read(Buffer.from(text))).toThrow(NotAReply);
  }
});

const PLACE = { scopes: ['read'], pinned: new Map(), foreign: [], ownWorkspace: 'ws_mine' };

const PAGE = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
};
const DOCUMENT = '<!doctype html><title>Room</title><script src="/assets/x.js"></script>';

test.each<[string, Partial<Draft>, number, string, Record<string, string>, RegExp | null]>([
  ['a page', { path: '/room' }, 200, DOCUMENT, PAGE, null],
  ['a refusal on a page', { path: '/room', method: 'POST' }, 403, DOCUMENT, PAGE, null],
  ['the way to the next page', { path: '/room', method: 'POST' }, 303, '', { location: '/room/2' }, null],
  ['a link to nowhere, followed', { path: '/none', headers: [['Accept', 'text/html']] }, 404, DOCUMENT, PAGE, null],
  ['a page for whoever asks the API', { headers: [['Accept', 'text/html']] }, 404, DOCUMENT, PAGE, /of type text.html/],
  [
    'a page for a program',
    {
      path: '/none',
      headers: [
        ['Authorization', 'Bearer x'],
        ['Accept', 'text/html'],
      ],
    },
    404,
    DOCUMENT,
    PAGE,
    /of type text.html/,
  ],
  ['a refused asterisk as a page', { path: '*' }, 400, DOCUMENT, PAGE, /of type text.html/],
  ['a way elsewhere', { path: '/room', method: 'POST' }, 303, '', { location: '//evil.example' }, /status 303 to/],
  [
    'a page without a policy',
    { path: '/room' },
    200,
    DOCUMENT,
    { 'content-type': PAGE['content-type'] },
    /page without/,
  ],
  [
    'a loose policy',
    { path: '/room' },
    200,
    DOCUMENT,
    { ...PAGE, 'content-security-policy': `${PAGE['content-security-policy']}; img-src *` },
    /loose policy/,
  ],
  [
    'what somebody typed and runs',
    { path: '/room' },
    200,
    `${DOCUMENT}<script>x()</script>`,
    PAGE,
    /something that runs/,
  ],
  ['a stack', { path: '/room' }, 500, `${DOCUMENT} at file.ts:12`, PAGE, /a page that tells/],
  ['a page that failed', { path: '/room' }, 500, DOCUMENT, PAGE, /status 500/],
  ['a secret on a page', { path: '/room' }, 200, `${DOCUMENT}${OTHERS}`, PAGE, /a secret on a page/],
])('pages: %s', (_, asked, status, text, headers, expected) => {
  const sent = { ...asked, headers: [...(asked.headers ?? []), ['X-Request-ID', 'fuzz-1']] } as Partial<Draft>;
  const { problems } = judge(draft(sent), reply(status, text, headers));
  if (expected === null) expect(problems).toEqual([]);
  else expect(problems.join('\n')).toMatch(expected);
});

test('a viewer writes what is about themselves alone', () => {
  const viewer = { ...caller, credential: null, cookie: 'a=b', isPerson: true, readsOnly: true } as const;
  const problems = judge(draft({ caller: viewer, method: 'POST' }), reply(201, { id: 'x' })).problems;
  expect(problems).toContain('a credential that may only read was let write');
});

test('one seed is one sequence', () => {
  const client = { secret: 's', proof: 'basic', caller } as const;
  const clients = [false, true].map((isService) => ({ ...client, id: `app_${isService}`, isService }));
  const cast = { issuer: 'http://localhost:4000', nowSeconds: () => 1_900_000_000, clients, person: caller };
  const scenery = {
    seed: 5,
    operations,
    entitled: new Map(),
    pages: { links: ['/room?x=1'], forms: [{ action: '/room', fields: ['form_token', 'email'] }] } satisfies Pages,
    cast,
    world: { callers: [{ ...caller, cookie: 'a=b', formToken: 'mine' }], ...PLACE, emails: ['one@example.com'] },
  } as never;
  const sequence = () => {
    const lane = new Lane();
    return Array.from({ length: 300 }, (_, index) => bytesOf(draftOf(scenery, index, lane)).toString('latin1'));
  };
  expect(sequence()).toEqual(sequence());
  expect(new Set(sequence()).size).toBeGreaterThan(150);
  const throwsOf = (...seed: number[]) =>
    Array.from(
      { length: 20 },
      (
        (dice) => () =>
          dice.next()
      )(diceOf(...seed)),
    );
  expect(throwsOf(1, 2)).toEqual(throwsOf(1, 2));
  expect(throwsOf(1, 2)).not.toEqual(throwsOf(1, 3));
  expect(throwsOf(1, 2)).not.toEqual(throwsOf(2, 1));
  expect(bytesOf(draft({ body: Buffer.from('{}'), framing: 'chunked' })).toString()).toContain(
    '\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n',
  );
});

import type { Dice } from './dice.ts';

/** What is done to a bare connection. */
export interface RawCase {
  name: string;
  /** Written in this order, each with its own write. */
  parts: (string | Buffer)[];
  /** `end`: then we say that no more comes; `reset`: then we are gone; `wait`: we wait for the server to close. */
  ending: 'end' | 'reset' | 'wait';
  /** The X-Request-IDs that may come back, in this order. Whoever answers another has taken a body for a request. */
  answers: string[];
  /** Statuses that the last reply may have; empty: any that is no 5xx, or no reply at all. */
  last: number[];
}

/** What a case is made from. `id` begins every X-Request-ID of it. */
export interface RawSource {
  dice: Dice;
  id: string;
  credential: string;
}

type Made = Omit<RawCase, 'name'>;

const CRLF = '\r\n';

function head(line: string, headers: readonly string[]): string {
  return `${[line, ...headers].join(CRLF)}${CRLF}${CRLF}`;
}

function get(path: string, id: string, ...headers: string[]): string {
  return head(`GET ${path} HTTP/1.1`, ['Host: localhost', `X-Request-ID: ${id}`, ...headers]);
}

function post({ credential }: RawSource, id: string, body: string, ...headers: string[]): string {
  const own = [`Authorization: Bearer ${credential}`, 'Content-Type: application/json', `X-Request-ID: ${id}`];
  return head('POST /v1/projects HTTP/1.1', ['Host: localhost', ...own, ...headers]) + body;
}

/** A whole request in the place of a body's end: to be answered by nobody. */
function smuggled(source: RawSource): string {
  const body = '{"name":"smuggled"}';
  return post(source, `${source.id}-smuggled`, body, `Content-Length: ${body.length}`);
}

/** A first request that two readers could read in two ways, and what would be smuggled behind it. */
function ambiguous(source: RawSource, first: string): Made {
  return { parts: [first + smuggled(source)], ending: 'wait', answers: [`${source.id}-a`], last: [400, 413] };
}

const withHeaders =
  (...headers: string[]) =>
  (source: RawSource) =>
    ambiguous(source, post(source, `${source.id}-a`, '0\r\n\r\n', ...headers));

const CODINGS = [
  'xchunked',
  'identity',
  'chunked, identity',
  'gzip, chunked, x',
  '"chunked"',
  'chunked;q=1',
  'x',
  '\x0bchunked',
  'chunked\x0b',
];
const ODD_LENGTHS = ['+2', '-2', '0x2', '2, 2', '2,3', '1e1', '2 2', '9'.repeat(25), '٢', '2\x0b', "'2'", 'NaN'];

function oddLine(source: RawSource, line: string): Made {
  return ambiguous(source, `${line}${CRLF}Host: localhost${CRLF}X-Request-ID: ${source.id}-a${CRLF}${CRLF}`);
}

function chunksOf(source: RawSource, chunks: string): Made {
  return ambiguous(source, post(source, `${source.id}-a`, chunks, 'Transfer-Encoding: chunked'));
}

const PATHS = ['/healthz', '/v1/auth/verify', '/v1/projects', '/nowhere', '/v2/api-keys', '/openapi.json'];

/** Many requests in one write; the last one closes. */
function pipeline({ dice, id }: RawSource): Made {
  const ids = Array.from({ length: 2 + dice.below(30) }, (_, index) => `${id}-${index}`);
  const requests = ids.map((each, index) =>
    get(dice.pick(PATHS), each, ...(index === ids.length - 1 ? ['Connection: close'] : [])),
  );
  return { parts: [requests.join('')], ending: 'wait', answers: ids, last: [200, 401, 404] };
}

/** The same with something in its middle that is no request: nothing behind it is answered. */
function brokenPipeline({ dice, id }: RawSource): Made {
  const ids = Array.from({ length: 1 + dice.below(8) }, (_, index) => `${id}-${index}`);
  const bad = dice.pick([
    'FROB / HTTP/1.1\r\n\r\n',
    '\0',
    'GET / HTTP/1.1\nHost: a\n\n',
    '0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
  ]);
  const behind = Array.from({ length: 3 }, () => get('/healthz', `${id}-behind`));
  return {
    parts: [ids.map((each) => get('/healthz', each)).join('') + bad + behind.join('')],
    ending: 'wait',
    answers: ids,
    last: [400],
  };
}

/** One good request, cut into pieces at random places. */
function inPieces(source: RawSource): Made {
  const { dice, id } = source;
  const body = '{"name":"in pieces"}';
  const bytes = Buffer.from(post(source, id, body, `Content-Length: ${body.length}`, 'Connection: close'));
  const parts: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const length = 1 + dice.below(40);
    parts.push(bytes.subarray(from, from + length));
    from += length;
  }
  return { parts, ending: 'wait', answers: [id], last: [201] };
}

/** A request that stops somewhere. */
function half(source: RawSource): Made {
  const { dice, id } = source;
  const whole = post(source, id, '{"name":"smuggled"}', 'Content-Length: 40');
  const ending = dice.pick(['end', 'reset'] as const);
  return {
    parts: [whole.slice(0, 1 + dice.below(whole.length))],
    ending,
    answers: [id],
    last: ending === 'end' ? [400] : [],
  };
}

/** A good request with some bytes of it changed. */
function flipped(source: RawSource): Made {
  const { dice, id } = source;
  const bytes = Buffer.from(post(source, id, '{"name":"flipped"}', 'Content-Length: 18', 'Connection: close'));
  for (let count = 1 + dice.below(4); count > 0; count -= 1) bytes[dice.below(bytes.length)] = dice.below(256);
  return { parts: [bytes], ending: 'end', answers: [], last: [] };
}

const noise = ({ dice }: RawSource): Made => ({
  parts: [Buffer.from(dice.bytes(1 + dice.below(2000)))],
  ending: 'end',
  answers: [],
  last: [400, 413],
});

function manyHeaders({ dice, id }: RawSource): Made {
  const lines = Array.from({ length: dice.pick([101, 150, 1000]) }, (_, index) => `X-${index}: a`);
  return { parts: [get('/healthz', id, ...lines)], ending: 'wait', answers: [], last: [413] };
}

const long =
  (text: (id: string) => string) =>
  (source: RawSource): Made => ({
    parts: [text(source.id)],
    ending: 'wait',
    answers: [],
    last: [413],
  });

const once =
  (text: (source: RawSource) => string, ...last: number[]) =>
  (source: RawSource): Made => ({
    parts: [text(source)],
    ending: 'wait',
    answers: [source.id],
    last,
  });

const CASES: Record<string, (source: RawSource) => Made> = {
  'Content-Length and Transfer-Encoding': withHeaders('Content-Length: 5', 'Transfer-Encoding: chunked'),
  'Transfer-Encoding and Content-Length': withHeaders('Transfer-Encoding: chunked', 'Content-Length: 5'),
  'Transfer-Encoding twice': withHeaders('Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
  'a coding that nobody knows': (source) => withHeaders(`Transfer-Encoding: ${source.dice.pick(CODINGS)}`)(source),
  'a space before the colon': withHeaders('Transfer-Encoding : chunked'),
  'a tab before the colon': withHeaders('Content-Length\t: 5'),
  'two Content-Lengths': withHeaders('Content-Length: 5', 'Content-Length: 6'),
  'two equal Content-Lengths': withHeaders('Content-Length: 5', 'content-length: 5'),
  'an odd Content-Length': (source) => withHeaders(`Content-Length: ${source.dice.pick(ODD_LENGTHS)}`)(source),
  'two Hosts': withHeaders('Host: other', 'Content-Length: 5'),
  'a folded header': withHeaders('X-A: b\r\n c', 'Content-Length: 5'),
  'a folded Transfer-Encoding': withHeaders('Transfer-Encoding:\r\n chunked'),
  'NUL in a header': withHeaders('X-A: b\0c', 'Content-Length: 5'),
  'NUL in a header name': withHeaders('X-\0A: b', 'Content-Length: 5'),
  'a lone carriage return': withHeaders('X-A: b\rTransfer-Encoding: chunked', 'Content-Length: 5'),
  'a header without a name': withHeaders(': b', 'Content-Length: 5'),
  'a header without a colon': withHeaders('Content-Length 5'),
  'lone line feeds': (source) =>
    ambiguous(source, post(source, `${source.id}-a`, '', 'Content-Length: 0').replaceAll(CRLF, '\n')),
  'no Host': (source) => ambiguous(source, head('GET /healthz HTTP/1.1', [`X-Request-ID: ${source.id}-a`])),
  'a chunk of no size': (source) => chunksOf(source, 'zz\r\n{}\r\n0\r\n\r\n'),
  'a chunk size with a sign': (source) => chunksOf(source, '+2\r\n{}\r\n0\r\n\r\n'),
  'a chunk size in another base': (source) => chunksOf(source, '0x2\r\n{}\r\n0\r\n\r\n'),
  'a chunk size that overflows': (source) => chunksOf(source, 'ffffffffffffffff2\r\n{}\r\n0\r\n\r\n'),
  'a chunk longer than it says': (source) => chunksOf(source, '1\r\n{}}}\r\n0\r\n\r\n'),
  'a chunk that ends in a line feed': (source) => chunksOf(source, '2\n{}\n0\n\n'),
  'an endless chunk extension': (source) => chunksOf(source, `2;${'a'.repeat(40_000)}\r\n{}\r\n0\r\n\r\n`),
  'HTTP/0.9': (source) => oddLine(source, 'GET /healthz'),
  'a version that is none': (source) =>
    oddLine(source, `GET /healthz HTTP/${source.dice.pick(['1.2', '2.0', '9.9', '1', 'x', '1.1.1'])}`),
  'a method that is none': (source) =>
    oddLine(
      source,
      `${source.dice.pick(['FROB', 'get', 'G ET', 'GET\t', '\x7f', 'A'.repeat(5000)])} /healthz HTTP/1.1`,
    ),
  CONNECT: (source) => oddLine(source, 'CONNECT localhost:80 HTTP/1.1'),
  'a space in the path': (source) => oddLine(source, 'GET /healthz x HTTP/1.1'),
  'HTTP/2 without TLS': (source) => ambiguous(source, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  'a TLS handshake': (source) =>
    ambiguous(source, '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u0000\u0003\u0003'),
  'a whole URL': once(({ id }) => get('http://localhost/healthz', id, 'Connection: close'), 200),
  'a whole URL of another': once(({ id }) => get('https://evil.example/healthz', id, 'Connection: close'), 200),
  'a star': once(
    ({ id }) => head('OPTIONS * HTTP/1.1', ['Host: localhost', `X-Request-ID: ${id}`, 'Connection: close']),
    204,
    400,
    404,
  ),
  'an authority for a path': once(({ id }) => get('localhost:80', id, 'Connection: close'), 400, 404),
  'an Upgrade': once(
    ({ id }) =>
      get(
        '/healthz',
        id,
        'Connection: Upgrade, close',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ),
    200,
  ),
  'an Upgrade to h2c': once(
    ({ id }) =>
      get('/healthz', id, 'Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
    200,
  ),
  'an Expect': once(
    (source) =>
      post(source, source.id, '{"name":"expected"}', 'Expect: 100-continue', 'Content-Length: 19', 'Connection: close'),
    201,
  ),
  'an Expect that nobody knows': once(({ id }) => get('/healthz', id, 'Expect: x', 'Connection: close'), 200),
  trailers: once(
    (source) =>
      post(
        source,
        source.id,
        '13\r\n{"name":"trailed 1"}\r\n0\r\nX-Request-ID: other\r\nAuthorization: Bearer x\r\n\r\n',
        'Transfer-Encoding: chunked',
        'Trailer: X-Request-ID',
        'Connection: close',
      ),
    201,
    400,
  ),
  'chunk extensions': once(
    (source) =>
      post(
        source,
        source.id,
        '12;a=b;c="d"\r\n{"name":"chunked"}\r\n0;x\r\n\r\n',
        'Transfer-Encoding: chunked',
        'Connection: close',
      ),
    201,
  ),
  'HTTP/1.0': once(({ id }) => head('GET /healthz HTTP/1.0', [`X-Request-ID: ${id}`]), 200),
  'empty lines before': once(({ id }) => `\r\n\r\n${get('/healthz', id, 'Connection: close')}`, 200),
  'a body with GET': once(
    ({ id }) => `${get('/healthz', id, 'Content-Length: 2', 'Content-Type: application/json', 'Connection: close')}{}`,
    200,
    400,
  ),
  'many headers': manyHeaders,
  'a long header': long((id) => get('/healthz', id, `X-A: ${'a'.repeat(17_000)}`)),
  'a long header name': long((id) => get('/healthz', id, `X-${'a'.repeat(17_000)}: a`)),
  'a long path': long((id) => get(`/healthz?${'a'.repeat(17_000)}`, id)),
  'a pipeline': pipeline,
  'a pipeline with a break': brokenPipeline,
  'in pieces': inPieces,
  'half of a request': half,
  'some bytes changed': flipped,
  noise,
};

export const RAW_CASES: readonly string[] = Object.keys(CASES);

/** The case of this name; by number where there is none of it, so that all of them come in turn. */
export function rawCase(number: number, source: RawSource): RawCase {
  const name = RAW_CASES[number % RAW_CASES.length] ?? 'noise';
  return { name, ...(CASES[name] ?? noise)(source) };
}

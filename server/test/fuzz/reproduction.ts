import { bytesOf, type Draft } from './draft.ts';

const SHOWN_BYTES = 6000;

/** One line for a shell that sends these very bytes to a server on port 4000. */
export function replayLine(bytes: Buffer): string {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  const cut = bytes.length > SHOWN_BYTES ? ` # the first ${SHOWN_BYTES} of ${bytes.length} bytes` : '';
  return `echo ${shown.toString('base64')} | base64 -d | nc -q 3 localhost 4000${cut}`;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The same as a curl command, where curl can say it. */
export function curlLine(draft: Draft): string | null {
  const { body, method, path, query, headers, framing } = draft;
  const text = body?.toString('utf8') ?? '';
  const isPlain = framing === 'whole' && !text.includes('\0') && Buffer.from(text).equals(body ?? Buffer.alloc(0));
  if (!isPlain || text.length > 2000 || !path.startsWith('/')) return null;
  const url = `http://localhost:4000${path}${query.length > 0 ? `?${query.join('&')}` : ''}`;
  const said = headers.map(([name, value]) => `-H ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`);
  const sent = body === null ? [] : [`--data-raw ${quoted(text)}`];
  const how = method === 'HEAD' ? '-I' : `-X ${method}`;
  return ['curl -gi --path-as-is', how, ...said, ...sent, quoted(url)].join(' ');
}

/** How to send a request of the run once more. */
export function reproductionOf(draft: Draft): string {
  return curlLine(draft) ?? replayLine(bytesOf(draft));
}

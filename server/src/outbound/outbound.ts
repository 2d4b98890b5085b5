import type http from 'node:http';
import { isIPv4, type LookupFunction } from 'node:net';
import { type AddressList, addressList } from '../address.ts';
import { isPublicAddress } from './address-rules.ts';
import { OutboundRefusal } from './refusal.ts';
import { createResolve, type Resolve, systemResolve } from './resolve.ts';
import { isLoopbackName, type Target, targetOf } from './target.ts';

export interface OutboundRequest {
  url: string;
  /** GET unless said. */
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** From the look-up of the name to the last byte; 5,000 unless said. */
  timeoutMs?: number;
  /** Of the answer's body; 256 KiB unless said. */
  limitBytes?: number;
}

/** What came back, whatever its status: a redirect is an answer like any other and is not followed. */
export interface OutboundReply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

/** Throws `OutboundRefusal` for what may not be asked, does not answer, or answers too much. */
export type Outbound = (request: OutboundRequest) => Promise<OutboundReply>;

export interface OutboundOptions {
  /** CIDRs that may be reached though they are not public, and without TLS (LATCHKEY_OUTBOUND_ALLOW). */
  allow: readonly string[];
  /** By DNS unless said; where addresses are exempt, then as the system does: what `/etc/hosts` names is not public. */
  resolve?: Resolve;
}

const TIMEOUT_MS = 5000;
const LIMIT_BYTES = 256 * 1024;
const LARGEST_HEADERS_BYTES = 16_384;
const LOOPBACK = ['127.0.0.1', '::1'];

async function addressesOf({ hostname, isLiteral }: Target, resolve: Resolve): Promise<readonly string[]> {
  if (isLiteral) return [hostname];
  if (isLoopbackName(hostname)) return LOOPBACK;
  try {
    const addresses = await resolve(hostname);
    if (addresses.length > 0) return addresses;
  } catch (error) {
    throw new OutboundRefusal('unresolved', 'The host name cannot be resolved.', error);
  }
  throw new OutboundRefusal('unresolved', 'The host name has no address.');
}

/** Every address must be good: one bad among them would be reached when the others do not answer. */
function refuseAddresses(target: Target, addresses: readonly string[], exempt: AddressList): void {
  if (addresses.every((address) => exempt.has(address))) return;
  if (!target.isEncrypted) throw new OutboundRefusal('target', 'The URL must begin with https://.');
  if (addresses.every((address) => exempt.has(address) || isPublicAddress(address))) return;
  throw new OutboundRefusal(
    'address',
    'The host leads to an address that is not public. LATCHKEY_OUTBOUND_ALLOW can exempt it.',
  );
}

/** Answers with the addresses that were vetted, whatever the name would lead to by now. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }));
  return (_hostname, options, callback) => {
    const [first] = found;
    if (options.all) callback(null, found);
    else callback(null, first?.address ?? '', first?.family);
  };
}

function collect(message: http.IncomingMessage, limitBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const refuse = (refusal: OutboundRefusal) => {
    reject(refusal);
    message.destroy();
  };
  const encoding = message.headers['content-encoding'] ?? 'identity';
  const tooLarge = () => new OutboundRefusal('too_large', `The answer is larger than ${limitBytes} bytes.`);
  if (encoding !== 'identity') refuse(new OutboundRefusal('encoded', 'The answer is compressed, which was not asked.'));
  if (Number(message.headers['content-length'] ?? 0) > limitBytes) refuse(tooLarge());
  const chunks: Buffer[] = [];
  let size = 0;
  message.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limitBytes) refuse(tooLarge());
    else chunks.push(chunk);
  });
  message.on('end', () => resolve(Buffer.concat(chunks)));
  message.on('error', reject);
  return promise;
}

async function send(
  { url, isEncrypted, hostname, isLiteral }: Target,
  addresses: readonly string[],
  { method = 'GET', headers = {}, body, limitBytes = LIMIT_BYTES }: OutboundRequest,
  signal: AbortSignal,
): Promise<OutboundReply> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  // When it is needed: as modules, these load Node's WebSocket and fetch with them, a twentieth of a start.
  const { default: module } = await (isEncrypted ? import('node:https') : import('node:http'));
  const request = module.request(url, {
    method,
    headers: { accept: '*/*', 'user-agent': 'latchkey', ...headers, 'accept-encoding': 'identity' },
    // An agent of its own: no connection to another address is used again, and no proxy of the environment.
    agent: new module.Agent({ keepAlive: false }),
    lookup: lookupOf(addresses),
    maxHeaderSize: LARGEST_HEADERS_BYTES,
    signal,
    ...(isEncrypted ? { rejectUnauthorized: true, ...(isLiteral ? {} : { servername: hostname }) } : {}),
  });
  request.on('response', resolve);
  request.on('error', reject);
  request.end(body);
  const message = await promise;
  return { status: message.statusCode ?? 0, headers: message.headers, body: await collect(message, limitBytes) };
}

/** Whoever waits is let go when time is up, also from a resolver that never answers. */
function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return Promise.race([work, promise]);
}

export function createOutbound({
  allow,
  resolve = createResolve({ system: allow.length > 0 ? systemResolve : null }),
}: OutboundOptions): Outbound {
  const exempt = addressList(allow);
  const ask = async (request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply> => {
    const target = targetOf(request.url);
    const addresses = await addressesOf(target, resolve);
    refuseAddresses(target, addresses, exempt);
    signal.throwIfAborted();
    return send(target, addresses, request, signal);
  };
  return async (request) => {
    const { timeoutMs = TIMEOUT_MS } = request;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await within(signal, ask(request, signal));
    } catch (error) {
      if (error instanceof OutboundRefusal) throw error;
      if (signal.aborted) throw new OutboundRefusal('timeout', `No whole answer came within ${timeoutMs} ms.`, error);
      throw new OutboundRefusal('unreachable', 'The host cannot be reached.', error);
    }
  };
}

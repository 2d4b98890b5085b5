import { once } from 'node:events';
import { connect } from 'node:net';
import { type MadeKey, makeKey } from '../domains/installation.ts';
import { startServer, type TestServer, type TestServerOptions } from '../harness.ts';
import { exchange, portOf, request, type WireReply } from '../http/raw.ts';
import type { Service } from '../services/service.ts';
import { type ProxyName, type ProxyOptions, startProxy } from './proxies.ts';
import { type Relay, startRelay } from './relay.ts';
import { startUpstream, type Upstream } from './upstream.ts';

/** Latchkey, a wire to it, a real proxy before both, and the program that it protects. */
export interface Stack {
  name: ProxyName;
  latchkey: TestServer;
  relay: Relay;
  upstream: Upstream;
  proxy: Service;
  port: number;
  /** A new key, for live unless the fields say otherwise. */
  key(scopes: string[], fields?: object): Promise<MadeKey>;
  /** A request through the proxy, byte for byte: `GET /orders`, with HTTP/1.1 behind it unless said. */
  send(line: string, headers?: readonly string[], body?: string): Promise<WireReply>;
  /** The status of the first reply to these bytes, which need not be a request; 0 for none. */
  statusOf(bytes: string): Promise<number>;
  stop(): Promise<void>;
}

export interface StackOptions extends ProxyOptions {
  server?: TestServerOptions;
}

export const bearer = ({ key }: { key: string }) => `Authorization: Bearer ${key}`;

/** Proxies write some refusals by themselves, without what the parser of whole replies wants. */
async function statusOf(port: number, bytes: string): Promise<number> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  socket.on('error', () => {});
  socket.write(bytes);
  const timer = setTimeout(() => socket.destroy(), 5000);
  await once(socket, 'close');
  clearTimeout(timer);
  const final = text.replace(/^(?:HTTP\/1\.1 100 .*\r\n\r\n)+/, '');
  return Number(/^HTTP\/\d\.\d (\d{3})/.exec(final)?.[1] ?? 0);
}

/** Everything stops with `stop`, but for the servers of the harness. */
export async function startStack(name: ProxyName, options: StackOptions = {}): Promise<Stack> {
  const env = { LATCHKEY_TRUST_PROXY: '127.0.0.1/32', ...options.server?.env };
  const [latchkey, upstream] = await Promise.all([startServer({ ...options.server, env }), startUpstream()]);
  const relay = await startRelay(portOf(latchkey));
  const proxy = await startProxy(name, { gatePort: relay.port, appPort: upstream.port }, options);
  const port = Number(new URL(proxy.url).port);
  return {
    name,
    latchkey,
    relay,
    upstream,
    proxy,
    port,
    key: (scopes, fields = {}) => makeKey(latchkey, { environment: 'live', scopes, ...fields }),
    send: async (line, headers = [], body = '') => {
      const replies = await exchange(connect(port, '127.0.0.1'), request(line, headers, body));
      if (!replies[0] || replies.length > 1) throw new Error(`${replies.length} replies to ${line}`);
      return replies[0];
    },
    statusOf: (bytes) => statusOf(port, bytes),
    stop: async () => {
      await proxy.stop();
      await Promise.all([relay.close(), upstream.close()]);
    },
  };
}

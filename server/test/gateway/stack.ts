import { connect } from 'node:net';
import { type MadeKey, makeKey } from '../domains/installation.ts';
import { startServer, type TestServer } from '../harness.ts';
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
  /** A key for live; `test: true` for the other environment. */
  key(scopes: string[], fields?: object): Promise<MadeKey>;
  /** A request through the proxy, byte for byte: `GET /orders`, with HTTP/1.1 behind it unless said. */
  send(line: string, headers?: readonly string[], body?: string): Promise<WireReply>;
  /** Bytes through the proxy. */
  sendBytes(bytes: string | Buffer): Promise<WireReply[]>;
  stop(): Promise<void>;
}

export const bearer = ({ key }: { key: string }) => `Authorization: Bearer ${key}`;

/** Everything stops with `stop`, but for the servers of the harness. */
export async function startStack(name: ProxyName, options: ProxyOptions & { env?: Record<string, string> } = {}) {
  const env = { LATCHKEY_TRUST_PROXY: '127.0.0.1/32', ...options.env };
  const [latchkey, upstream] = await Promise.all([startServer({ env }), startUpstream()]);
  const relay = await startRelay(portOf(latchkey));
  const proxy = await startProxy(name, { gatePort: relay.port, appPort: upstream.port }, options);
  const port = Number(new URL(proxy.url).port);
  const sendBytes = (bytes: string | Buffer) => exchange(connect(port, '127.0.0.1'), bytes);
  const stack: Stack = {
    name,
    latchkey,
    relay,
    upstream,
    proxy,
    port,
    key: (scopes, fields = {}) => makeKey(latchkey, { environment: 'live', scopes, ...fields }),
    send: async (line, headers = [], body = '') => {
      const replies = await sendBytes(request(line, headers, body));
      if (!replies[0] || replies.length > 1) throw new Error(`${replies.length} replies to ${line}`);
      return replies[0];
    },
    sendBytes,
    stop: async () => {
      await proxy.stop();
      await Promise.all([relay.close(), upstream.close()]);
    },
  };
  return stack;
}

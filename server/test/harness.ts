import { rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { inject } from 'vitest';
import type { Clock } from '../src/clock.ts';
import type { Config } from '../src/config/index.ts';
import { readConfig } from '../src/config/index.ts';
import { pooledRandom } from '../src/crypto/index.ts';
import { createLog } from '../src/log.ts';
import { type RunningServer, serve } from '../src/serve.ts';
import { createDatabase } from './services/postgres.ts';
import { temporaryFolder } from './temporary-folder.ts';

export { temporaryFolder };

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
  set(timeMs: number): void;
}

export function manualClock(startMs = Date.UTC(2030, 0, 1)): ManualClock {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
    set: (timeMs) => {
      nowMs = timeMs;
    },
  };
}

export type DatabaseName = 'sqlite' | 'postgres';
export const DATABASES: readonly DatabaseName[] = ['sqlite', 'postgres'];

export interface TestServer extends RunningServer {
  config: Config;
  clock: Clock;
  dataDir: string;
  rootKey: string;
  /** The test key of the first start. */
  key: string;
  workspaceId: string;
  /** Every finished log line. */
  logLines: string[];
  /** A real request over a real socket. `key` null sends no credential; a `json` body sets method POST and the type. */
  call(path: string, options?: CallOptions): Promise<TestReply>;
}

export interface CallOptions {
  method?: string;
  key?: string | null;
  json?: unknown;
  body?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface TestReply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  json: any;
  text: string;
}

export interface TestServerOptions {
  database?: DatabaseName;
  /** Settings beyond the defaults, as in the environment. */
  env?: Record<string, string>;
  clock?: Clock;
  /** `real`: the limits of the standard plan bind; otherwise tests may call as often as they like. */
  limits?: 'real';
  /** Continue in this data dir (and database URL, in `env`) instead of a new one. */
  dataDir?: string;
}

const opened: { stop(): Promise<void> }[] = [];

/** The URL of a new, empty PostgreSQL database. */
export function freshPostgres(): Promise<string> {
  const name = `t_${Buffer.from(pooledRandom()(8)).toString('hex')}`;
  return createDatabase(inject('postgresUrl'), name);
}

async function send(url: string, key: string | null, options: CallOptions): Promise<TestReply> {
  const headers: Record<string, string> = { ...options.headers };
  if (key !== null) headers.authorization ??= `Bearer ${key}`;
  let { body } = options;
  if (options.json !== undefined) {
    headers['content-type'] ??= 'application/json';
    body = JSON.stringify(options.json);
  }
  const method = options.method ?? (body === undefined ? 'GET' : 'POST');
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: body as string }),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, json, text };
}

/** Takes the limits off the standard plan: most tests are about something else. */
async function liftLimits({ latchkey }: RunningServer, rootKey: string): Promise<void> {
  const none = { per_hour: null, per_second: null };
  const payload = { api_key: none, oauth: none, login: none, jwt: none, nobody: none };
  const headers = { authorization: `Bearer ${rootKey}` };
  const reply = await latchkey.http.app.inject({ method: 'PATCH', url: '/v1/plans/standard', headers, payload });
  if (reply.statusCode !== 200) throw new Error(`the limits could not be lifted: ${reply.body}`);
}

/** Starts the whole server in this process, on a free port, in a folder of its own. Stop all with `stopServers`. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? temporaryFolder();
  const env: Record<string, string> = {
    PORT: '0',
    LATCHKEY_DATA_DIR: dataDir,
    LATCHKEY_LOG_LEVEL: 'debug',
    ...options.env,
  };
  if (options.database === 'postgres') env.LATCHKEY_DATABASE_URL ??= await freshPostgres();
  const randomBytes = pooledRandom();
  const { config } = readConfig(env, dataDir, randomBytes);
  const clock = options.clock ?? { nowMs: () => Date.now() };
  const logLines: string[] = [];
  const log = createLog(config.logLevel, { write: (line) => void logLines.push(line) });
  const running = await serve(config, { clock, randomBytes, log, version: 'test' });
  const { port } = running.latchkey.http.app.server.address() as AddressInfo;
  const base = `${config.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const key = running.firstStart?.testKey ?? '';
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await running.stop();
  };
  opened.push({
    stop: async () => {
      await stop();
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
    },
  });
  if (options.limits !== 'real') await liftLimits(running, config.rootKeys[0] ?? '');
  return {
    ...running,
    url: base,
    stop,
    config,
    clock,
    dataDir,
    rootKey: config.rootKeys[0] ?? '',
    key,
    workspaceId: running.firstStart?.workspaceId ?? '',
    logLines,
    call: (path, callOptions = {}) =>
      send(base + path, callOptions.key === undefined ? key : callOptions.key, callOptions),
  };
}

/** For `afterEach` or `afterAll`: stops what `startServer` started, newest first, and removes its folders. */
export async function stopServers(): Promise<void> {
  for (const server of opened.splice(0).reverse()) await server.stop();
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWithThisProcess } from '../services/guard.ts';
import type { LogWatch } from './log-watch.ts';
import type { Holdings } from './probe.ts';

/** What a server that is alive needs at most, for an answer or its end. */
export const PATIENCE_MS = 15_000;

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The built program, in a process of its own, under the load of a fuzz run. */
export interface Target {
  pid: number;
  port: number;
  issuer: string;
  dataDir: string;
  rootKey: string;
  testKey: string;
  workspaceId: string;
  owner: { email: string; password: string };
  /** How it ended, once it has. */
  ended(): string | null;
  /** What it holds after a forced collection. */
  holdings(): Promise<Holdings>;
  /** SIGTERM, and SIGKILL when that ends nothing; gives the exit code, null after a signal. */
  stop(): Promise<number | null>;
  /** Everything it wrote to stdout. */
  stdout(): string;
  removeData(): void;
}

interface Ready {
  url: string;
  issuer: string;
  root_key: string;
  test_key: string;
  workspace_id: string;
  owner: { email: string; password: string };
}

/** So that guesses come from many networks, as a proxy says, and do not run into the budget of one. */
const PROXY = { LATCHKEY_TRUST_PROXY: '127.0.0.1' };

function launch(dataDir: string, databaseUrl: string | null): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const database = databaseUrl === null ? {} : { LATCHKEY_DATABASE_URL: databaseUrl };
  const args = ['--expose-gc', '--import', at('./probe.ts'), at('../../bin/latchkey.js'), 'serve', '--json'];
  return spawn(process.execPath, args, {
    env: { PATH, HOME, PORT: '0', LATCHKEY_DATA_DIR: dataDir, LATCHKEY_LOG_LEVEL: 'debug', ...PROXY, ...database },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

async function firstLine(child: ChildProcess, out: { text: string }): Promise<Ready> {
  const spoken = new Promise<void>((resolve) => {
    child.stdout?.on('data', () => out.text.includes('\n') && resolve());
  });
  await Promise.race([spoken, once(child, 'exit')]);
  if (!out.text.includes('\n')) throw new Error('the server did not start; `npm run build` makes it');
  return JSON.parse(out.text) as Ready;
}

/** Starts the server with debug logs into `log`. On SQLite in a new folder unless a PostgreSQL database is named. */
export async function startTarget(log: LogWatch, databaseUrl: string | null): Promise<Target> {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-fuzz-'));
  const child = launch(dataDir, databaseUrl);
  const release = endWithThisProcess(child.pid ?? 0, 'SIGKILL', dataDir);
  const out = { text: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    out.text += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => log.write(chunk));
  let end: string | null = null;
  const closed = once(child, 'close').then(([code, signal]) => {
    end = `exit code ${code}, signal ${signal}`;
    release();
    return code as number | null;
  });
  const removeData = () => rmSync(dataDir, { recursive: true, force: true });
  const ready = await firstLine(child, out).catch((error: Error) => {
    removeData();
    throw error;
  });
  return {
    pid: child.pid ?? 0,
    port: Number(new URL(ready.url).port),
    issuer: ready.issuer,
    dataDir,
    rootKey: ready.root_key,
    testKey: ready.test_key,
    workspaceId: ready.workspace_id,
    owner: ready.owner,
    ended: () => end,
    holdings: async () => {
      const answer = once(child, 'message');
      child.send('holdings');
      const late = AbortSignal.timeout(PATIENCE_MS);
      const silence = once(late, 'abort').then(() => [null]);
      const [holdings] = (await Promise.race([answer, closed.then(() => [null]), silence])) as [Holdings | null];
      if (holdings === null) throw new Error(end === null ? 'the server does not answer' : `the server ended: ${end}`);
      return holdings;
    },
    stop: async () => {
      child.kill('SIGTERM');
      const insist = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      const code = await closed;
      clearTimeout(insist);
      return code;
    },
    stdout: () => out.text,
    removeData,
  };
}

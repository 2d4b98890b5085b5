import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endWithThisProcess } from '../services/guard.ts';
import { temporaryFolder } from '../temporary-folder.ts';

export const repository = fileURLToPath(new URL('../../..', import.meta.url));
export const bin = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url));

/** The line that `serve --json` prints. */
export interface ReadyLine {
  url: string;
  issuer: string;
  first_start: boolean;
  root_key?: string;
  workspace_id?: string;
  owner?: { email: string; password: string };
  test_key?: string;
  application?: { client_id: string; client_secret: string };
  curl?: string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The real program in a process of its own. */
export interface Program {
  readonly pid: number;
  readonly dataDir: string;
  /** What it said of itself when it was ready. */
  readonly ready: ReadyLine;
  stdout(): string;
  stderr(): string;
  readonly exited: Promise<Exit>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Exit>;
  call(path: string, options?: ProgramCall): Promise<ProgramReply>;
}

export interface ProgramCall {
  /** Null sends no credential; the default is the test key of the first start. */
  key?: string | null;
  json?: unknown;
  headers?: Record<string, string>;
}

export interface ProgramReply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  json: any;
}

export interface ProgramOptions {
  /** What the program finds on stdin; nothing unless said. */
  input?: string;
  env?: Record<string, string>;
  dataDir?: string;
  /** Another command than `latchkey serve --json`, run in the repository. */
  command?: readonly string[];
  /** What must stand on stdout before it counts as ready, when it prints no line of JSON. */
  isReady?: (stdout: string) => boolean;
  /** Killed when it is not ready by then, or has not ended where its end is waited for; else it may take its time. */
  withinMs?: number;
}

const running = new Set<{ child: ChildProcess; exited: Promise<Exit> }>();
const folders = new Set<string>();

/** A data dir that `stopPrograms` removes. */
export function newDataDir(): string {
  const folder = temporaryFolder();
  folders.add(folder);
  return folder;
}

/** Only what a program needs of our own environment, and nothing that is a setting. */
function environment(dataDir: string, env: Record<string, string>): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, PORT: '0', LATCHKEY_DATA_DIR: dataDir, ...env };
}

/** Starts a command without waiting for anything it says. */
export function launch(command: readonly string[], dataDir: string, env: Record<string, string>, input?: string) {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    cwd: repository,
    env: environment(dataDir, env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A program may end without reading.
  child.stdin.on('error', () => {}).end(input);
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    text.stderr += chunk;
  });
  const release = endWithThisProcess(child.pid ?? 0, 'SIGKILL', dataDir);
  const exited = once(child, 'close').then(([code, signal]): Exit => {
    running.delete(entry);
    release();
    return { code, signal };
  });
  const entry = { child, exited };
  running.add(entry);
  return { child, text, exited };
}

/** Returns what calls it off. */
function killLater(child: ChildProcess, afterMs: number | undefined): () => void {
  if (afterMs === undefined) return () => {};
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  return () => clearTimeout(timer);
}

const readyLine = (stdout: string) => stdout.includes('\n');

/** Starts the program and waits until it says that it is ready. Throws with its stderr when it ends instead. */
export async function startProgram(options: ProgramOptions = {}): Promise<Program> {
  const dataDir = options.dataDir ?? newDataDir();
  const { isReady = readyLine } = options;
  const command = options.command ?? [process.execPath, bin, 'serve', '--json'];
  const { child, text, exited } = launch(command, dataDir, options.env ?? {});
  const spoken = new Promise<void>((resolve) => {
    child.stdout.on('data', () => isReady(text.stdout) && resolve());
  });
  const isInTime = killLater(child, options.withinMs);
  await Promise.race([spoken, exited]);
  isInTime();
  if (!isReady(text.stdout)) throw new Error(`the program ended: ${text.stdout}${text.stderr}`);
  const ready: ReadyLine =
    isReady === readyLine ? JSON.parse(text.stdout) : { url: '', issuer: '', first_start: false };
  return {
    pid: child.pid ?? 0,
    dataDir,
    ready,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    exited,
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
    call: (path, call) => send(ready.url + path, ready.test_key, call),
  };
}

export interface Finished extends Exit {
  stdout: string;
  stderr: string;
}

/** Runs `latchkey` with these arguments to its end. */
export async function runProgram(args: readonly string[], options: ProgramOptions = {}): Promise<Finished> {
  const command = [process.execPath, bin, ...args];
  const dataDir = options.dataDir ?? newDataDir();
  const { child, text, exited } = launch(command, dataDir, options.env ?? {}, options.input);
  const isInTime = killLater(child, options.withinMs);
  const exit = await exited;
  isInTime();
  return { ...exit, ...text };
}

async function send(url: string, testKey: string | undefined, call: ProgramCall = {}): Promise<ProgramReply> {
  const key = call.key === undefined ? testKey : call.key;
  const headers: Record<string, string> = { ...call.headers };
  if (key) headers.authorization = `Bearer ${key}`;
  if (call.json !== undefined) headers['content-type'] = 'application/json';
  const body = call.json === undefined ? {} : { method: 'POST', body: JSON.stringify(call.json) };
  const response = await fetch(url, { headers, ...body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) };
}

/** For `afterEach` or `afterAll`: ends what still runs, removes the data dirs. */
export async function stopPrograms(): Promise<void> {
  for (const { child, exited } of running) {
    child.kill('SIGKILL');
    await exited;
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

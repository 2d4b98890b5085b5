import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { endWithThisProcess } from './guard.ts';

const readyWithinMs = 30_000;
const attempts = 5;

/** A service that the tests use: their own process, or one that somebody else runs. */
export interface Service {
  readonly url: string;
  /** False when the environment named it: then it cannot be killed or restarted, and `stop` leaves it alone. */
  readonly own: boolean;
  stop(): Promise<void>;
  /** SIGKILL to the main process, as a power cut would end it. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and folder, after stopping it when it still runs. */
  restart(): Promise<void>;
}

export interface Definition {
  name: string;
  folder: string;
  user?: { uid: number; gid: number };
  binary: string;
  args: (port: number) => string[];
  /** Its whole environment; that of the tests unless given. */
  env?: (port: number) => Record<string, string>;
  url: (port: number) => string;
  stopSignal: NodeJS.Signals;
  /** Resolves when the service answers, rejects when it does not yet. */
  ping: (url: string) => Promise<void>;
}

interface Running {
  child: ChildProcess;
  release: () => void;
}

/** Wraps the URL of a service that is not ours. */
export function externalService(name: string, url: string): Service {
  const refuse = async (): Promise<never> => {
    throw new Error(`${name} at the URL from the environment is not the tests' own: it cannot be killed or restarted`);
  };
  return { url, own: false, stop: async () => {}, kill9: refuse, restart: refuse };
}

/** Starts a service on a free port and waits until it answers. `stop` also removes its folder. */
export async function startService(definition: Definition): Promise<Service> {
  const first = await startOnFreePort(definition);
  const { port } = first;
  let running: Running | undefined = first.running;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running !== undefined) await endProcess(running, signal);
    running = undefined;
  };
  return {
    url: definition.url(port),
    own: true,
    kill9: () => end('SIGKILL'),
    restart: async () => {
      await end(definition.stopSignal);
      running = await retry(() => startOnce(definition, port));
    },
    stop: async () => {
      await end(definition.stopSignal);
      await rm(definition.folder, { recursive: true, force: true });
    },
  };
}

async function startOnFreePort(definition: Definition): Promise<{ port: number; running: Running }> {
  try {
    return await retry(async () => {
      const port = await freePort();
      return { port, running: await startOnce(definition, port) };
    });
  } catch (error) {
    await rm(definition.folder, { recursive: true, force: true });
    throw error;
  }
}

/** A port may be taken meanwhile, and PostgreSQL's killed postmaster may leave children that end a moment later. */
async function retry<Result>(start: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (attempt === attempts) throw error;
      await sleep(200 * attempt);
    }
  }
}

async function startOnce(definition: Definition, port: number): Promise<Running> {
  const logPath = join(definition.folder, 'service.log');
  const log = openSync(logPath, 'a');
  const child = spawn(definition.binary, definition.args(port), {
    cwd: definition.folder,
    stdio: ['ignore', log, log],
    ...(definition.env && { env: definition.env(port) }),
    ...definition.user,
  });
  closeSync(log);
  await once(child, 'spawn');
  child.unref();
  const running = { child, release: endWithThisProcess(child.pid ?? 0, definition.stopSignal, definition.folder) };
  try {
    await waitUntilReady(definition, port, child);
    return running;
  } catch (cause) {
    await endProcess(running, 'SIGKILL');
    const lines = readFileSync(logPath, 'utf8').trim().split('\n').slice(-8).join('\n');
    throw new Error(`${definition.name} did not start. Its log ends:\n${lines}`, { cause });
  }
}

async function waitUntilReady(definition: Definition, port: number, child: ChildProcess): Promise<void> {
  const giveUpAt = performance.now() + readyWithinMs;
  for (;;) {
    if (hasEnded(child)) throw new Error(`it ended with ${child.signalCode ?? child.exitCode}`);
    try {
      return await definition.ping(definition.url(port));
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await sleep(25);
    }
  }
}

async function endProcess({ child, release }: Running, signal: NodeJS.Signals): Promise<void> {
  if (!hasEnded(child)) {
    const ended = once(child, 'exit');
    child.ref();
    child.kill(signal);
    await ended;
  }
  release();
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

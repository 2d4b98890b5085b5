import { Worker } from 'node:worker_threads';
import { Failure } from '../failure.ts';

const MAX_AT_ONCE = 2;
const MAX_WAITING = 64;

/** Slow hashes, a few at a time, in threads that yield to requests: a flood of them takes the processor from nobody. */
export interface SlowHashes {
  /** bcrypt or argon2, by the form of the hash. Throws `unavailable` when too many wait already. */
  verify(hash: string, text: string): Promise<boolean>;
  /** argon2id of a new password, under the same bound. */
  hash(text: string): Promise<string>;
  /** Throws `unavailable` when too many wait already: before anything else is done for one more. */
  refuseOverload(): void;
  /** Ends the threads; whoever still waits is refused. */
  close(): void;
}

/** What a thread is asked: whether the text has this hash, or a new hash of it. */
export interface SlowHashJob {
  hash: string | null;
  text: string;
}

type Answer = string | boolean;

interface Waiting {
  job: SlowHashJob;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** In development and tests the sources run as they are. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './slow-hash-worker.ts' : './slow-hash-worker.js',
  import.meta.url,
);

const refused = (message: string) => new Failure('unavailable', message, { retryAfterSeconds: 1 });

/** Threads are started when they are first needed, and hold up no process that has ended otherwise. */
export function createSlowHashes(): SlowHashes {
  const waiting: Waiting[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Waiting>();

  const start = (): Worker => {
    const worker = new Worker(SCRIPT);
    worker.on('message', (answer: Answer) => {
      const done = busy.get(worker);
      busy.delete(worker);
      worker.unref();
      idle.push(worker);
      done?.resolve(answer);
      next();
    });
    const end = (error: unknown) => {
      const [lost, at] = [busy.get(worker), idle.indexOf(worker)];
      busy.delete(worker);
      if (at !== -1) idle.splice(at, 1);
      lost?.reject(error);
      next();
    };
    worker.on('error', end);
    worker.once('exit', () => end(refused('The thread that checked the password ended. Try again.')));
    return worker;
  };

  /** Whoever waits longest takes the place that becomes free: it is never free for a newcomer in between. */
  const next = () => {
    if (busy.size >= MAX_AT_ONCE) return;
    const taken = waiting.shift();
    if (taken === undefined) return;
    const worker = idle.pop() ?? start();
    busy.set(worker, taken);
    worker.ref();
    worker.postMessage(taken.job);
  };

  const refuseOverload = () => {
    if (busy.size < MAX_AT_ONCE || waiting.length < MAX_WAITING) return;
    const message = 'Too many passwords are being checked. Try again.';
    throw new Failure('unavailable', message, { retryAfterSeconds: 1, isOverload: true });
  };

  const run = (job: SlowHashJob): Promise<Answer> => {
    refuseOverload();
    return new Promise((resolve, reject) => {
      waiting.push({ job, resolve, reject });
      next();
    });
  };

  return {
    verify: async (hash, text) => (await run({ hash, text })) === true,
    hash: async (text) => String(await run({ hash: null, text })),
    refuseOverload,
    close: () => {
      for (const { reject } of waiting.splice(0)) reject(refused('The server is stopping.'));
      for (const worker of [...idle.splice(0), ...busy.keys()]) void worker.terminate();
    },
  };
}

import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { hashSync, verifySync } from '@node-rs/argon2';
import { verifySync as verifyBcrypt } from '@node-rs/bcrypt';
import { ARGON2ID } from './password.ts';
import type { SlowHashJob } from './slow-hashes.ts';

// A thread of `slow-hashes.ts`: one hash at a time.

/** On Linux a thread has a priority of its own: requests are answered first. Elsewhere it would be the whole process's. */
const LOWEST_PRIORITY = 19;
if (process.platform === 'linux') setPriority(0, LOWEST_PRIORITY);

function run({ hash, text }: SlowHashJob): string | boolean {
  if (hash === null) return hashSync(text, ARGON2ID);
  try {
    return hash.startsWith('$argon2') ? verifySync(hash, text) : verifyBcrypt(text, hash);
  } catch {
    // No hash at all: nothing fits it.
    return false;
  }
}

parentPort?.on('message', (job: SlowHashJob) => {
  parentPort?.postMessage(run(job));
});

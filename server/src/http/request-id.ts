import type { IncomingMessage } from 'node:http';
import { containsSecret, makeId } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/;

/** Keeps a caller's `X-Request-ID` when it can stand in logs and audit rows as it is, else makes one. */
export function requestIds(clock: Clock, randomBytes: RandomBytes): (raw: Pick<IncomingMessage, 'headers'>) => string {
  return ({ headers }) => {
    const given = headers['x-request-id'];
    if (typeof given === 'string' && ACCEPTED.test(given) && !containsSecret(given)) return given;
    return makeId('request', clock.nowMs(), randomBytes);
  };
}

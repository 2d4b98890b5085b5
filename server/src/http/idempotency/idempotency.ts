import { setTimeout as delay } from 'node:timers/promises';
import { containsSecret } from '@latchkey/protocol';
import type { Clock } from '../../clock.ts';
import { deriveKey, hmacText, type RandomBytes, seal, unseal } from '../../crypto/index.ts';
import type { Database, Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { claimSlot, finishSlot, freeSlot, pruneSlots, readSlot, type Slot } from './store.ts';
import type { IdempotencyRow } from './tables.ts';

export interface IdempotentCall extends Slot {
  /** What was asked: the same key with another is a conflict. */
  fingerprint: string;
  /** The presented credential; the reply is sealed under a key derived from it. Never stored. */
  credential: string;
  status: number;
  secretReply: boolean;
}

export interface IdempotentReply {
  status: number;
  body: unknown;
  isReplay: boolean;
}

/** Makes a mutating call safe to send again (contract §3). */
export interface Idempotency {
  /**
   * `execute` answers what its first `write` returned, the same object: the reply is kept in that write's transaction.
   * So work and reply are on disk together or not at all, and what follows that write must bear to be left out.
   */
  run(call: IdempotentCall, execute: () => Promise<unknown>): Promise<IdempotentReply>;
  prune(): Promise<void>;
}

export interface IdempotencyOptions {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
}

const LIFETIME_MS = 24 * 3_600_000;
const SECRET_LIFETIME_MS = 10 * 60_000;
/**
 * Longer than a write may take: after that a pending slot is taken for one of a process that died. Should its call
 * still run, it finds its slot taken when it commits, and is rolled back.
 */
const LOCK_MS = 10_000;
const OVERTAKEN = 'This call took so long that another with its Idempotency-Key was run in its place.';
const WAIT_TURNS = 120;
const WAIT_MS = 250;

function replyKey({ credential, key, route }: IdempotentCall): Uint8Array {
  return deriveKey(credential, key, `latchkey idempotent reply ${route}`);
}

function conflict(row: IdempotencyRow, why: string): Failure {
  const named = row.object_id ? ` It made or changed ${row.object_id}.` : '';
  return new Failure('conflict', `This Idempotency-Key was used before, and ${why}.${named}`);
}

/** What a finished slot answers. */
function replay(row: IdempotencyRow, call: IdempotentCall, nowMs: number): IdempotentReply {
  const isKept = row.reply_sealed !== null && (row.reply_expires_at ?? 0) >= nowMs;
  if (!isKept || row.reply_sealed === null) throw conflict(row, 'its reply is not kept any more');
  const json = unseal(replyKey(call), row.reply_sealed, call.fingerprint);
  if (json === null) throw conflict(row, 'its reply can be read only with the credential that it was made with');
  return { status: row.status ?? call.status, body: json === '' ? undefined : JSON.parse(json), isReplay: true };
}

function pendingRow(
  { principal, route, key, fingerprint }: IdempotentCall,
  holder: string,
  nowMs: number,
): IdempotencyRow {
  return {
    principal,
    route,
    key,
    fingerprint,
    state: 'pending',
    holder,
    locked_until: nowMs + LOCK_MS,
    status: null,
    reply_sealed: null,
    reply_expires_at: null,
    object_id: null,
    expires_at: nowMs + LIFETIME_MS,
  };
}

export function createIdempotency({ database, clock, randomBytes }: IdempotencyOptions): Idempotency {
  const finish = async (tx: Tx, call: IdempotentCall, holder: string, body: unknown): Promise<void> => {
    const { principal, route, key, status, fingerprint, secretReply } = call;
    const isMine = await finishSlot(
      tx,
      { principal, route, key, holder },
      {
        status,
        reply_sealed: seal(replyKey(call), JSON.stringify(body) ?? '', fingerprint, randomBytes),
        reply_expires_at: clock.nowMs() + (secretReply ? SECRET_LIFETIME_MS : LIFETIME_MS),
        object_id: idOf(body),
      },
    );
    if (!isMine) throw new Failure('conflict', OVERTAKEN);
  };

  const execute = async (
    call: IdempotentCall,
    holder: string,
    work: () => Promise<unknown>,
  ): Promise<IdempotentReply> => {
    const { principal, route, key } = call;
    const committed: unknown[] = [];
    try {
      const body = await database.withCommitHook(async (tx, result) => {
        await finish(tx, call, holder, result);
        tx.afterCommit(() => void committed.push(result));
      }, work);
      if (committed.length === 0) await database.write((tx) => finish(tx, call, holder, body));
      else if (committed[0] !== body) throw new Error(`${route} does not answer what its first write returned`);
      return { status: call.status, body, isReplay: false };
    } catch (error) {
      if (committed.length === 0) {
        await database.write((tx) => freeSlot(tx, { principal, route, key, holder })).catch(() => {});
      }
      throw error;
    }
  };

  return {
    run: async (call, work) => {
      const holder = Buffer.from(randomBytes(16)).toString('hex');
      for (let turn = 0; turn < WAIT_TURNS; turn += 1) {
        const nowMs = clock.nowMs();
        const isMine = await database.write((tx) => claimSlot(tx, pendingRow(call, holder, nowMs), nowMs));
        if (isMine) return execute(call, holder, work);
        const row = await readSlot(database.read, call);
        if (!row) continue;
        if (row.fingerprint !== call.fingerprint) throw conflict(row, 'with another request or credential');
        if (row.state === 'done') return replay(row, call, clock.nowMs());
        await delay(turn < 20 ? WAIT_MS / 10 : WAIT_MS);
      }
      throw new Failure('conflict', 'The first call with this Idempotency-Key is still running.', {
        retryAfterSeconds: 1,
      });
    },
    prune: () => database.write((tx) => pruneSlots(tx, clock.nowMs())),
  };
}

function idOf(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined;
  return typeof id === 'string' ? id : null;
}

/**
 * One text for one request: method, path, and every field of query and body. Under the credential, which is stored
 * nowhere: a body may hold a password, and a plain digest of it could be guessed from a copy of the database.
 */
export function fingerprintOf(credential: string, method: string, url: string, body: unknown): string {
  return hmacText(
    deriveKey(credential, '', 'latchkey idempotent request'),
    JSON.stringify([method, url, body ?? null]),
  );
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/** The header's value, checked; null when it is not sent. */
export function idempotencyKeyOf(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header !== 'string' || !KEY.test(header)) {
    throw new Failure('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
  }
  // It is stored as it came.
  if (containsSecret(header)) throw new Failure('invalid_request', 'Idempotency-Key must not be a credential.');
  return header;
}

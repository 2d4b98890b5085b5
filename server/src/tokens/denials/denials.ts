import type { Clock } from '../../clock.ts';
import type { Database, Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { type Changes, createLive } from '../../shared-state/index.ts';
import { LONGEST_TOKEN_SECONDS } from '../../signing-keys/index.ts';
import {
  deniedAfter,
  insertDenied,
  insertMissingEpoch,
  isDeniedInStore,
  takeNumber,
  upsertWatermark,
  watermarksAfter,
} from './store.ts';

/** What a watermark can end: everything that it gave. */
export type WatermarkKind = 'user' | 'client' | 'grant' | 'session' | 'family' | 'issuer';

/** What is asked of every token, each time. */
export interface DeniableToken {
  jti: string;
  /** The newest watermark when the token was authorized. */
  epoch: number;
  /** What it hangs on, as `subjectOf` names it. */
  subjects: readonly string[];
}

/** Which access tokens are refused before their time: in memory, in every process, and on disk. */
export interface Denials {
  /** The newest watermark that this process knows. A token authorized from now on carries it. */
  epoch(): number;
  /** Another number each time something more is denied: who remembers it need not ask again before. */
  version(): number;
  /** False while what may have been missed is read again: nothing that was found good before counts meanwhile. */
  knowsAll(): boolean;
  /** From memory; from the database only when this process may not have heard everything. Throws `unavailable` then. */
  isDenied(token: DeniableToken): boolean | Promise<boolean>;
  /** Refuses one token until it expires. False when it was refused already. */
  denyToken(tx: Tx, jti: string, expiresAtMs: number): Promise<boolean>;
  /**
   * Refuses with `token_revoked` what was written under an epoch that is not good any more. `newest`: the number that
   * the transaction holds since it wrote that (`heldNumber`), so that who ends its subject later sees it.
   */
  refuseStale(tx: Tx, token: Omit<DeniableToken, 'jti'>, newest: number): Promise<void>;
  /**
   * Refuses every token of it that was authorized before this commits. `longestTokenSeconds`: how long such tokens live
   * at most. Returns the number: the epoch of what is given later in this very transaction.
   */
  raise(tx: Tx, kind: WatermarkKind, ref: string, longestTokenSeconds?: number): Promise<number>;
  load(): Promise<void>;
  /** Forgets what refuses nobody any more. */
  sweep(): void;
  size(): number;
}

export interface DenialsOptions {
  database: Database;
  changes: Changes;
  clock: Clock;
  onError(error: unknown): void;
}

const CHANGE_KIND = 'token_denial';
const PAGE = 10_000;
/** Past its expiry a token may be accepted by the leeway of a verifier, five minutes at most. */
export const SKEW_MS = 5 * 60_000;
const REF = /^[\x21-\x7e]{1,200}$/;

export const subjectOf = (kind: WatermarkKind, ref: string) => `${kind}:${ref}`;

/** When a token that expires then is accepted by nobody. */
export const goneAfterMs = (expiresAtMs: number) => expiresAtMs + SKEW_MS;

interface Watermark {
  number: number;
  expiresAtMs: number;
}

/** What was denied, by what it says. Denials are only added, and fall away by time: reading them twice does no harm. */
class KnownDenials {
  readonly tokens = new Map<string, number>();
  readonly watermarks = new Map<string, Watermark>();
  epoch = 0;
  version = 0;

  addToken(jti: string, expiresAtMs: number): void {
    this.tokens.set(jti, expiresAtMs);
    this.version += 1;
  }

  addWatermark(subject: string, number: number, expiresAtMs: number | null): void {
    this.epoch = Math.max(this.epoch, number);
    this.version += 1;
    if (expiresAtMs === null) return;
    const known = this.watermarks.get(subject);
    this.watermarks.set(subject, {
      number: Math.max(number, known?.number ?? 0),
      expiresAtMs: Math.max(expiresAtMs, known?.expiresAtMs ?? 0),
    });
  }

  has({ jti, epoch, subjects }: DeniableToken): boolean {
    if (this.tokens.has(jti)) return true;
    for (const subject of subjects) {
      const mark = this.watermarks.get(subject);
      if (mark !== undefined && mark.number > epoch) return true;
    }
    return false;
  }

  sweep(nowMs: number): void {
    for (const [jti, expiresAtMs] of this.tokens) if (expiresAtMs < nowMs) this.tokens.delete(jti);
    for (const [subject, { expiresAtMs }] of this.watermarks) {
      if (expiresAtMs < nowMs) this.watermarks.delete(subject);
    }
  }
}

async function readAll({ database, clock }: DenialsOptions, known: KnownDenials): Promise<KnownDenials> {
  const { read } = database;
  for (let rows = await deniedAfter(read, '', PAGE); rows.length > 0; ) {
    for (const { jti, expires_at } of rows) known.addToken(jti, expires_at);
    rows = rows.length < PAGE ? [] : await deniedAfter(read, rows.at(-1)?.jti ?? '', PAGE);
  }
  for (let rows = await watermarksAfter(read, '', PAGE); rows.length > 0; ) {
    for (const { subject, number, expires_at } of rows) known.addWatermark(subject, number, expires_at);
    rows = rows.length < PAGE ? [] : await watermarksAfter(read, rows.at(-1)?.subject ?? '', PAGE);
  }
  if (known.epoch === 0) await database.write((tx) => insertMissingEpoch(tx, clock.nowMs()));
  return known;
}

/** A denial travels whole in its change, so that hearing it takes no look at the database. */
function hear(known: KnownDenials, ref: string): void {
  const [what, name = '', ...numbers] = ref.split(' ');
  const [first = 0, second = 0] = numbers.map(Number);
  if (what === 'token') known.addToken(name, first);
  else known.addWatermark(name, first, second);
}

export function createDenials(options: DenialsOptions): Denials {
  const { database, changes, clock, onError } = options;
  const known = new KnownDenials();
  // Nothing is reloaded by a change of its own: each is heard by itself, and all are read again only when some were lost.
  const live = createLive({
    changes,
    kind: `${CHANGE_KIND}s`,
    initial: known,
    read: () => readAll(options, known),
    onError,
  });
  changes.onChange(({ kind, ref }) => {
    if (kind === CHANGE_KIND) hear(known, ref);
  });
  return {
    epoch: () => known.epoch,
    version: () => known.version,
    isDenied: (token) =>
      changes.isFresh() && live.isCurrent() ? known.has(token) : isDeniedInStore(database.read, token),
    knowsAll: live.isCurrent,
    refuseStale: async (tx, { epoch, subjects }, newest) => {
      if (newest <= epoch) return;
      if (!(await isDeniedInStore(tx.query, { jti: '', epoch, subjects }))) return;
      throw new Failure('token_revoked', 'Access was withdrawn while it was being given. Sign in again.');
    },
    denyToken: async (tx, jti, expiresAtMs) => {
      const untilMs = goneAfterMs(expiresAtMs);
      if (untilMs < clock.nowMs()) return false;
      if (!(await insertDenied(tx, { jti, expires_at: untilMs }))) return false;
      await changes.record(tx, { kind: CHANGE_KIND, ref: `token ${jti} ${untilMs}` });
      return true;
    },
    raise: async (tx, kind, ref, longestTokenSeconds = LONGEST_TOKEN_SECONDS) => {
      if (!REF.test(ref)) throw new RangeError('a watermark is for one id: visible ASCII, up to 200 characters');
      const nowMs = clock.nowMs();
      const subject = subjectOf(kind, ref);
      const number = await takeNumber(tx, nowMs);
      const untilMs = goneAfterMs(nowMs + longestTokenSeconds * 1000);
      await upsertWatermark(tx, { subject, number, expires_at: untilMs });
      await changes.record(tx, { kind: CHANGE_KIND, ref: `mark ${subject} ${number} ${untilMs}` });
      return number;
    },
    load: live.load,
    sweep: () => known.sweep(clock.nowMs()),
    size: () => known.tokens.size + known.watermarks.size,
  };
}

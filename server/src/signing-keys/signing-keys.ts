import { systemActor } from '../audit/index.ts';
import { Failure } from '../failure.ts';
import { createLive, type Live } from '../shared-state/index.ts';
import { type AlgorithmName, DEFAULT_ALGORITHM } from './algorithms.ts';
import { dutiesAt, newKeyRow, PUBLISHED_FIRST_MS } from './key.ts';
import { type KeySet, keySetOf, NO_KEYS, type Signer } from './key-set.ts';
import { addMissing, promoteDue, SIGNING_KEYS_CHANGE, type SigningKeyDeps } from './rotate.ts';
import { allKeys, deleteExpiredKeys } from './store.ts';
import type { SigningKeyRow } from './tables.ts';

export interface SigningKeysOptions extends SigningKeyDeps {
  onError(error: unknown): void;
}

/** The keys as this process knows them, live. */
export interface SigningKeys extends Live<KeySet> {
  /**
   * The key that signs now. Throws `unavailable` while none does: an algorithm that was prepared a moment ago is not
   * published long enough yet.
   */
  signer(algorithm: AlgorithmName): Signer;
  /**
   * Takes an algorithm into use: makes its first key, published now and signing as soon as verifiers had time to see
   * it. Returns that moment, or one in the past when it signs already. Safe to repeat and to call at once.
   */
  prepare(algorithm: AlgorithmName): Promise<{ activeAtMs: number }>;
  /** Does what is due: scheduled and automatic rotation, a next key where there is none, old rows gone. For a job in every process. */
  maintain(): Promise<void>;
}

/** The first keys of an installation. Nobody has fetched any yet, so the first one signs at once. */
async function addFirst(options: SigningKeysOptions): Promise<void> {
  const { database, clock, envelope } = options;
  const createdAtMs = clock.nowMs();
  const rows = await Promise.all([
    newKeyRow(DEFAULT_ALGORITHM, envelope, { state: 'active', created_at: createdAtMs, active_at: createdAtMs }),
    newKeyRow(DEFAULT_ALGORITHM, envelope, { state: 'next', created_at: createdAtMs, active_at: null }),
  ]);
  await database.write((tx) => addMissing(options, tx, systemActor, rows));
}

async function addNext(options: SigningKeysOptions, algorithm: AlgorithmName, isFirst: boolean): Promise<void> {
  const createdAtMs = options.clock.nowMs();
  const row = await newKeyRow(algorithm, options.envelope, {
    state: 'next',
    created_at: createdAtMs,
    active_at: isFirst ? createdAtMs + PUBLISHED_FIRST_MS : null,
  });
  await options.database.write((tx) => addMissing(options, tx, systemActor, [row]));
}

const isGone = ({ expires_at: expiresAtMs }: SigningKeyRow, nowMs: number) =>
  expiresAtMs !== null && expiresAtMs < nowMs;

/** Signing keys, read by every process and made once, whoever starts first. */
export function createSigningKeys(options: SigningKeysOptions): SigningKeys {
  const { database, clock, changes, envelope, onError } = options;
  const read = async (): Promise<KeySet> => {
    let rows = await allKeys(database.read);
    if (rows.length === 0) {
      await addFirst(options);
      rows = await allKeys(database.read);
    }
    return keySetOf(rows, envelope);
  };
  const live = createLive({ changes, kind: SIGNING_KEYS_CHANGE.kind, initial: NO_KEYS, read, onError });
  const rowsOf = (algorithm: AlgorithmName) => live.current().rows.filter((row) => row.algorithm === algorithm);
  return {
    ...live,
    signer: (algorithm) => {
      const signer = live.current().signers.get(algorithm);
      if (signer) return signer;
      const waitMs = (rowsOf(algorithm)[0]?.active_at ?? clock.nowMs()) - clock.nowMs();
      throw new Failure('unavailable', `No ${algorithm} key signs yet; the first one is being published.`, {
        retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
      });
    },
    prepare: async (algorithm) => {
      if (rowsOf(algorithm).length === 0) {
        await addNext(options, algorithm, true);
        await live.load();
      }
      const signing = rowsOf(algorithm).find(({ state }) => state === 'active') ?? rowsOf(algorithm)[0];
      return { activeAtMs: signing?.active_at ?? clock.nowMs() + PUBLISHED_FIRST_MS };
    },
    maintain: async () => {
      const { rows } = live.current();
      const nowMs = clock.nowMs();
      for (const { algorithm, deed } of dutiesAt(rows, nowMs)) {
        if (deed === 'promote') await promoteDue(options, algorithm);
        else await addNext(options, algorithm, false);
        await live.load();
      }
      if (!rows.some((row) => isGone(row, nowMs))) return;
      await database.write(async (tx) => {
        await deleteExpiredKeys(tx, nowMs);
        await changes.record(tx, SIGNING_KEYS_CHANGE);
      });
      await live.load();
    },
  };
}

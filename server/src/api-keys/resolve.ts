import { isId, type ScopeCatalogue } from '@latchkey/protocol';
import { hexOfLetters, sha256Hex, sha256Letters } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { PlanTable } from '../limits/index.ts';
import { type Changes, createRecordCache } from '../shared-state/index.ts';
import { type KeyRecord, type KeyWorkspace, toKeyRecord } from './key.ts';
import { createKinOf } from './key-principal.ts';
import { keyByHash, replaceSlowHash, slowKeysByPrefix } from './store.ts';
import type { ApiKeyRow } from './tables.ts';

export type PaySlow = () => void | Promise<void>;

/** From a presented text to what is known of the key. */
export interface KeyResolver {
  /** The record, if it is in memory: no await, no database. */
  peek(text: string): KeyRecord | undefined;
  /**
   * The record from memory or by one indexed read; null when there is no such key. `paySlow` is asked before a slow hash
   * is computed for this text, and refuses by throwing: whoever guesses pays for each guess first.
   */
  find(text: string, paySlow: PaySlow): Promise<KeyRecord | null>;
  /** Forgets all records: what they were made with (scopes, plans) has changed. */
  forget(): void;
}

export interface KeyResolverOptions {
  database: Database;
  changes: Changes;
  catalogue: ScopeCatalogue;
  plans(): PlanTable;
  issuer(): string;
  workspaceFacts(id: string): Promise<KeyWorkspace | null>;
  /** bcrypt or argon2, under the budget that passwords have. */
  verifySlowHash(hash: string, text: string): Promise<boolean>;
  /** Whether a person's account is disabled or gone; a change with their id says when to ask again. */
  isPersonDisabled(userId: string): Promise<boolean>;
}

const MAX_RECORDS = 1_000_000;
const SHORTEST_PREFIX = 8;
const LONGEST_PREFIX = 64;

/**
 * Whether an imported key with a slow hash has this text: tried only where a lookup prefix fits, and known by SHA-256
 * from then on. True as well when another call may just have found that.
 */
async function isSlowKey(
  { database, verifySlowHash }: KeyResolverOptions,
  text: string,
  paySlow: PaySlow,
): Promise<boolean> {
  const prefixes: string[] = [];
  for (let length = SHORTEST_PREFIX; length <= Math.min(LONGEST_PREFIX, text.length); length += 1) {
    prefixes.push(text.slice(0, length));
  }
  if (prefixes.length === 0) return false;
  let wasReplaced = false;
  for (const { id, slow_hash: slowHash } of await slowKeysByPrefix(database.read, prefixes)) {
    if (slowHash === null) {
      wasReplaced = true;
      continue;
    }
    await paySlow();
    if (await verifySlowHash(slowHash, text)) {
      await database.write((tx) => replaceSlowHash(tx, id, sha256Hex(text)));
      return true;
    }
  }
  return wasReplaced;
}

export function createKeyResolver(options: KeyResolverOptions): KeyResolver {
  const { database, changes, catalogue, plans, issuer, workspaceFacts, isPersonDisabled } = options;
  let kinOf = createKinOf(catalogue);

  const toRecord = async (row: ApiKeyRow): Promise<KeyRecord> => {
    const workspace = await workspaceFacts(row.workspace_id);
    if (!workspace) throw new Failure('internal_error', undefined, { cause: new Error('a key without a workspace') });
    const { owner } = row;
    const isOwnerDisabled = owner !== null && isId('user', owner) && (await isPersonDisabled(owner));
    return toKeyRecord(row, { kinOf, plans: plans(), issuer: issuer(), workspace, isOwnerDisabled });
  };

  const cache = createRecordCache<KeyRecord>({
    changes,
    maxEntries: MAX_RECORDS,
    refsOf: ({ id, principal: { workspaceId, userId } }) => {
      const refs = [id, workspaceId ?? ''];
      return userId !== null && isId('user', userId) ? [...refs, userId] : refs;
    },
    load: async (digest) => {
      const row = await keyByHash(database.read, hexOfLetters(digest));
      return row ? toRecord(row) : null;
    },
  });

  // One slow answer for however many ask at once.
  const finding = new Map<string, Promise<KeyRecord | null>>();
  const findSlow = async (text: string, digest: string, paySlow: PaySlow) => {
    try {
      if (!(await isSlowKey(options, text, paySlow))) return null;
      // The first may join a read that began before the hash was replaced; a second one cannot.
      return (await cache.fetch(digest)) ?? (await cache.fetch(digest));
    } finally {
      finding.delete(digest);
    }
  };

  return {
    peek: (text) => cache.peek(sha256Letters(text)),
    find: async (text, paySlow) => {
      const digest = sha256Letters(text);
      const known = await cache.fetch(digest);
      if (known) return known;
      const found = finding.get(digest) ?? findSlow(text, digest, paySlow);
      finding.set(digest, found);
      return found;
    },
    forget: () => {
      kinOf = createKinOf(catalogue);
      cache.clear();
    },
  };
}

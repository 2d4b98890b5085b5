import type { ScopeCatalogue } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import { sha256Letters } from '../crypto/index.ts';
import { Failure } from '../failure.ts';
import type { PlanTable } from '../limits/index.ts';
import { type Changes, createRecordCache } from '../shared-state/index.ts';
import type { SigningKeys } from '../signing-keys/index.ts';
import { type Tokens, userIdOf, type VerifiedAccessToken } from '../tokens/index.ts';
import {
  createScopesOf,
  refuseDeadToken,
  type TokenRecord,
  type TokenWorkspace,
  toTokenRecord,
} from './token-record.ts';

/** From the text of an access token to what is known of it. */
export interface TokenResolver {
  /** The record, if this very text was verified before: no await, no database. */
  peek(text: string): TokenRecord | undefined;
  /** Verifies the text, and reads what it hangs on. Throws `invalid_token`, `token_expired`, `token_revoked`. */
  find(text: string): Promise<TokenRecord>;
  /** Refuses a token that has ended; asked at every use. A promise only when memory may be old. */
  refuseEnded(record: TokenRecord): void | Promise<void>;
  /** Forgets all records: what they were made with (scopes, plans) has changed. */
  forget(): void;
}

export interface TokenResolverOptions {
  clock: Clock;
  changes: Changes;
  catalogue: ScopeCatalogue;
  plans(): PlanTable;
  tokens: Tokens;
  signingKeys: SigningKeys;
  workspaceFacts(id: string): Promise<TokenWorkspace | null>;
  /** Whether user (null for none) and application (`FIRST_PARTY_CLIENT` for a login) are there and not disabled. */
  isSubjectActive(userId: string | null, clientId: string): Promise<boolean>;
}

/** Bounds memory under any number of tokens; the least used are verified again. */
const MAX_RECORDS = 100_000;

const revoked = () => new Failure('token_revoked', 'The access token has been revoked.');

/** Tokens that are being looked up, by digest, with how many wait for each. */
class Verifying {
  readonly #byDigest = new Map<string, { verified: VerifiedAccessToken; waiting: number }>();

  async during<T>(digest: string, verified: VerifiedAccessToken, run: () => Promise<T>): Promise<T> {
    const entry = this.#byDigest.get(digest) ?? { verified, waiting: 0 };
    entry.waiting += 1;
    this.#byDigest.set(digest, entry);
    try {
      return await run();
    } finally {
      entry.waiting -= 1;
      if (entry.waiting === 0) this.#byDigest.delete(digest);
    }
  }

  get(digest: string): VerifiedAccessToken | undefined {
    return this.#byDigest.get(digest)?.verified;
  }
}

/** Asked at every use; the tables of memory are looked at again only when one of them has changed since. */
function createRefuseEnded({
  clock,
  changes,
  signingKeys,
  tokens,
}: TokenResolverOptions): TokenResolver['refuseEnded'] {
  const refuseDenied = (record: TokenRecord, isDenied: boolean) => {
    if (isDenied) throw revoked();
    refuseDeadToken(record, clock.nowMs());
  };
  return (record) => {
    const keys = signingKeys.current();
    const denials = tokens.denialsVersion();
    const { goodAt } = record;
    if (goodAt?.denials === denials && goodAt.keys === keys && changes.isFresh()) return refuseDenied(record, false);
    const key = keys.verifiers.get(record.kid);
    if (!key || key.isRevoked) throw revoked();
    const isDenied = tokens.isDenied(record.claims);
    if (isDenied instanceof Promise) return isDenied.then((answer) => refuseDenied(record, answer));
    if (!isDenied) record.goodAt = { denials, keys };
    return refuseDenied(record, isDenied);
  };
}

export function createTokenResolver(options: TokenResolverOptions): TokenResolver {
  const { changes, catalogue, plans, tokens, signingKeys, workspaceFacts, isSubjectActive } = options;
  let scopesOf = createScopesOf(catalogue);
  const verifying = new Verifying();

  const load = async (digest: string): Promise<TokenRecord | null> => {
    const verified = verifying.get(digest);
    if (!verified) return null;
    const { claims, kid } = verified;
    const [workspace, isActive] = await Promise.all([
      workspaceFacts(claims.workspace_id),
      isSubjectActive(userIdOf(claims), claims.client_id),
    ]);
    return workspace && toTokenRecord(claims, kid, { scopesOf, plans: plans(), workspace, isSubjectActive: isActive });
  };

  // Under the SHA-256 of the whole text: two tokens that differ anywhere are two records (CVE-2026-35039).
  const cache = createRecordCache<TokenRecord>({
    changes,
    maxEntries: MAX_RECORDS,
    refsOf: ({ claims }) => [claims.workspace_id, claims.client_id, claims.sub],
    load,
  });

  return {
    peek: (text) => cache.peek(sha256Letters(text)),
    find: async (text) => {
      // A key may have been revoked that this process has not heard of.
      if (!changes.isFresh()) await signingKeys.load();
      const digest = sha256Letters(text);
      const verified = tokens.verifyAccessToken(text);
      const record = await verifying.during(digest, verified, () => cache.fetch(digest));
      if (!record) throw new Failure('invalid_token', 'The workspace of this access token does not exist any more.');
      return record;
    },
    refuseEnded: createRefuseEnded(options),
    forget: () => {
      scopesOf = createScopesOf(catalogue);
      cache.clear();
    },
  };
}

import type { ScopeCatalogue } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import { sha256Hex } from '../crypto/index.ts';
import { Failure } from '../failure.ts';
import type { PlanTable } from '../limits/index.ts';
import { type Changes, createRecordCache } from '../shared-state/index.ts';
import type { TrustedIssuers } from '../trusted-issuers/index.ts';
import { type ForeignRecord, toForeignRecord } from './foreign-record.ts';
import { createScopesOf, type TokenWorkspace } from './token-record.ts';
import { WhileLookedUp } from './while-looked-up.ts';

/** From the text of somebody else's JWT to what is known of it. */
export interface ForeignResolver {
  /** Whether a text says that somebody else has issued it. */
  isForeign(text: string): boolean;
  /** The record, if this very text was verified a short while ago: no await, no database. */
  peek(text: string): ForeignRecord | undefined;
  /** Verifies the text. Throws `invalid_token`, `token_expired`, `unavailable`. */
  find(text: string): Promise<ForeignRecord>;
  /** Forgets all records: what they were made with (scopes, plans, resources, issuers) has changed. */
  forget(): void;
}

export interface ForeignResolverOptions {
  clock: Clock;
  changes: Changes;
  catalogue: ScopeCatalogue;
  plans(): PlanTable;
  trustedIssuers: TrustedIssuers;
  workspaceFacts(id: string): Promise<TokenWorkspace | null>;
}

const MAX_RECORDS = 100_000;

export function createForeignResolver(options: ForeignResolverOptions): ForeignResolver {
  const { clock, changes, catalogue, plans, trustedIssuers, workspaceFacts } = options;
  let scopesOf = createScopesOf(catalogue);
  const verifying = new WhileLookedUp<string>();

  const load = async (digest: string): Promise<ForeignRecord | null> => {
    const token = await trustedIssuers.verifyToken(verifying.get(digest) ?? '');
    const workspace = await workspaceFacts(token.workspaceId);
    return workspace && toForeignRecord(token, { scopesOf, plans: plans(), workspace, nowMs: clock.nowMs() });
  };

  // Under the SHA-256 of the whole text: two tokens that differ anywhere are two records (CVE-2026-35039).
  const cache = createRecordCache<ForeignRecord>({
    changes,
    maxEntries: MAX_RECORDS,
    refsOf: ({ token: { workspaceId, issuerId, link } }) =>
      link ? [workspaceId, issuerId, link.userId, link.grantId] : [workspaceId, issuerId],
    load,
  });
  const isBelieved = ({ againAtMs }: ForeignRecord) => clock.nowMs() < againAtMs;

  return {
    isForeign: trustedIssuers.isForeign,
    peek: (text) => {
      const record = cache.peek(sha256Hex(text));
      return record && isBelieved(record) ? record : undefined;
    },
    find: async (text) => {
      // An issuer may have been changed or removed that this process has not heard of.
      if (!changes.isFresh()) await trustedIssuers.load();
      const digest = sha256Hex(text);
      const known = cache.peek(digest);
      if (known && !isBelieved(known)) cache.drop(digest);
      const record = await verifying.during(digest, text, () => cache.fetch(digest));
      if (!record) throw new Failure('invalid_token', 'The workspace of this token does not exist any more.');
      return record;
    },
    forget: () => {
      scopesOf = createScopesOf(catalogue);
      cache.clear();
    },
  };
}

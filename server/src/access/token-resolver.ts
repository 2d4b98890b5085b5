import type { ScopeCatalogue } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import { sha256Letters } from '../crypto/index.ts';
import { Failure } from '../failure.ts';
import type { PlanTable } from '../limits/index.ts';
import { type Changes, createRecordCache } from '../shared-state/index.ts';
import type { SigningKeys } from '../signing-keys/index.ts';
import { type AccessTokenClaims, methodOf, type Tokens, userIdOf, type VerifiedAccessToken } from '../tokens/index.ts';
import {
  createScopesOf,
  refuseDeadToken,
  type TokenRecord,
  type TokenSubject,
  type TokenWorkspace,
  toTokenRecord,
} from './token-record.ts';
import { WhileLookedUp } from './while-looked-up.ts';

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
  /** About the user (null for none) and the application (`FIRST_PARTY_CLIENT` for a login). */
  subjectOf(userId: string | null, clientId: string): Promise<TokenSubject>;
  /** Whether a person acts for the installation when signed in to this workspace. */
  isOperator(workspaceId: string, userId: string): Promise<boolean>;
}

/** Bounds memory under any number of tokens; the least used are verified again. */
const MAX_RECORDS = 100_000;

const revoked = () => new Failure('token_revoked', 'The access token has been revoked.');

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
  const refuse = (record: TokenRecord): void | Promise<void> => {
    const keys = signingKeys.current();
    const denials = tokens.denialsVersion();
    const key = record.kid === null ? null : keys.verifiers.get(record.kid);
    if (key === undefined || key?.isRevoked) throw revoked();
    const isDenied = tokens.isDenied(record.claims);
    if (isDenied instanceof Promise) return isDenied.then((answer) => refuseDenied(record, answer));
    if (!isDenied && tokens.knowsAllDenials()) record.goodAt = { denials, keys };
    return refuseDenied(record, isDenied);
  };
  /** A key may have been revoked, or a token denied, that memory does not know of yet. */
  const knowsAll = () => changes.isFresh() && signingKeys.isCurrent() && tokens.knowsAllDenials();
  return (record) => {
    const { goodAt } = record;
    const isKnown = goodAt?.denials === tokens.denialsVersion() && goodAt.keys === signingKeys.current();
    if (isKnown && knowsAll()) return refuseDenied(record, false);
    return signingKeys.isCurrent() ? refuse(record) : signingKeys.load().then(() => refuse(record));
  };
}

/** What a verified token hangs on, by as many reads as are not in memory. */
async function contextOf(options: TokenResolverOptions, claims: AccessTokenClaims) {
  const userId = userIdOf(claims);
  // An application acts for a user, but never for the installation.
  const isLogin = methodOf(claims) === 'session' && userId !== null;
  const [workspace, subject, isOperatorsLogin] = await Promise.all([
    options.workspaceFacts(claims.workspace_id),
    options.subjectOf(userId, claims.client_id),
    isLogin && options.isOperator(claims.workspace_id, userId),
  ]);
  return workspace && { plans: options.plans(), workspace, subject, isOperatorsLogin };
}

export function createTokenResolver(options: TokenResolverOptions): TokenResolver {
  const { changes, catalogue, tokens, signingKeys } = options;
  let scopesOf = createScopesOf(catalogue);
  const verifying = new WhileLookedUp<VerifiedAccessToken>();

  const load = async (digest: string): Promise<TokenRecord | null> => {
    const verified = verifying.get(digest);
    if (!verified) return null;
    const { claims, kid } = verified;
    const context = await contextOf(options, claims);
    return context && toTokenRecord(claims, kid, { scopesOf, ...context });
  };

  // Under the SHA-256 of the whole text: two tokens that differ anywhere are two records (CVE-2026-35039).
  const cache = createRecordCache<TokenRecord>({
    changes,
    maxEntries: MAX_RECORDS,
    refsOf: ({ claims, subject: { clientWorkspaceId } }) => {
      const refs = [claims.workspace_id, claims.client_id, claims.sub];
      return clientWorkspaceId === null ? refs : [...refs, clientWorkspaceId];
    },
    load,
  });

  return {
    peek: (text) => cache.peek(sha256Letters(text)),
    find: async (text) => {
      // A key may have been revoked that this process has not heard of.
      if (!changes.isFresh() || !signingKeys.isCurrent()) await signingKeys.load();
      const digest = sha256Letters(text);
      const verified = await tokens.findAccessToken(text);
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

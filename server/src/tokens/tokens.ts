import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import { deriveKey, type EncryptionKey, type RandomBytes } from '../crypto/index.ts';
import type { Database, Tx } from '../database/index.ts';
import type { ScopeCatalogue } from '../scopes/index.ts';
import type { Changes } from '../shared-state/index.ts';
import type { SigningKeys } from '../signing-keys/index.ts';
import { type AccessTokenClaims, deniableOf } from './access-token.ts';
import { createDenials, deleteExpiredDenials, SKEW_MS } from './denials/index.ts';
import {
  createRefreshTexts,
  deleteEndedFamilies,
  type Ended,
  type Family,
  type FamilyName,
  type FamilyRequest,
  lookUpRefresh,
  type PresentedRefresh,
  type RefreshResult,
  raiseWatermark,
  refresh,
  revokeFamily,
  type SeenRefresh,
  startFamily,
  type TokenPair,
} from './families/index.ts';
import {
  type AccessToken,
  type AccessTokenRequest,
  issueAccessToken,
  mintAccessToken,
  type TokenResource,
} from './mint.ts';
import { deleteOldOpaque } from './opaque/index.ts';
import { findAccessToken, type VerifiedAccessToken, verifyAccessToken } from './verify.ts';

/** What is needed to refuse an access token and to record that. */
export type EndedTokenClaims = Pick<
  AccessTokenClaims,
  'jti' | 'exp' | 'workspace_id' | 'environment' | 'client_id' | 'sub'
>;

/** Access and refresh tokens: for logins, for OAuth's grants, for applications by themselves. */
export interface Tokens {
  /**
   * The newest watermark. Take it before you look at what allows a token (a password, a code, a client's secret), and
   * pass it on: what is ended after that look refuses the token.
   */
  epoch(): number;
  /** See `AccessTokenRequest`. Nothing is stored. Throws `unavailable` while no key of the algorithm signs. */
  mintAccessToken(request: AccessTokenRequest): AccessToken;
  /**
   * An access token in the format that its resource wants. An opaque one is kept: in this transaction, or with null in
   * one of its own, and then it is on disk when this resolves. Throws as `mintAccessToken`.
   */
  issueAccessToken(tx: Tx | null, request: AccessTokenRequest): Promise<AccessToken>;
  /** Throws `token_revoked` when its subject was ended since `epoch`, `unavailable` while no key signs. */
  startFamily(tx: Tx, request: FamilyRequest): Promise<TokenPair>;
  /** A refusal is returned, so that what it ends is committed. */
  refresh(tx: Tx, presented: PresentedRefresh): Promise<RefreshResult>;
  /** Whose a refresh token is, and whether it works: by one read, and without using it. Null for a text that is none of ours. */
  lookUpRefresh(text: string): Promise<SeenRefresh | null>;
  /** Ends a family and its access tokens. Null when there is none, or it is another client's. */
  revokeFamily(tx: Tx, ending: { family: FamilyName; reason: string; actor: Actor }): Promise<Family | null>;
  /** Refuses one access token until it expires. False when it is refused, or over, already. */
  revokeAccessToken(tx: Tx, ending: { claims: EndedTokenClaims; actor: Actor }): Promise<boolean>;
  /**
   * Refuses all that a user, client, grant or session was given so far, and ends its families. The caller records why.
   * What is given later in the same transaction takes the `epoch` that is returned.
   */
  raiseWatermark(tx: Tx, ended: Ended): Promise<{ families: number; epoch: number }>;
  /** Signature, claims and times of a token of ours, for any resource. Throws `invalid_token`, `token_expired`, `token_revoked`. */
  verifyAccessToken(text: string): VerifiedAccessToken;
  /** The same for a token of either format. */
  findAccessToken(text: string): Promise<VerifiedAccessToken>;
  /** Whether a verified token was ended before its time. From memory; a promise only when memory may be old. */
  isDenied(claims: AccessTokenClaims): boolean | Promise<boolean>;
  /** Grows with everything that is denied: who has asked `isDenied` before need not ask again until then. */
  denialsVersion(): number;
  /** Whether memory holds every denial that was heard of; `isDenied` asks the database while it does not. */
  knowsAllDenials(): boolean;
  load(): Promise<void>;
  /** Forgets what memory need not hold any more; for a job in every process. */
  sweep(): Promise<void>;
  /** Removes rows that matter to nobody any more, a few at a time; for a job in one process. */
  prune(): Promise<void>;
}

export interface TokensOptions {
  database: Database;
  changes: Changes;
  clock: Clock;
  randomBytes: RandomBytes;
  recordAudit: RecordAudit;
  catalogue: ScopeCatalogue;
  signingKeys: SigningKeys;
  /** Proofs of refresh tokens are derived from them; the first makes new ones. */
  encryptionKeys: readonly EncryptionKey[];
  issuer(): string;
  /** See `MintDeps`. */
  resourceOf(audience: string): TokenResource | undefined;
  onError(error: unknown): void;
}

/** A step is one short transaction: requests go on between two of them. */
const PRUNE_STEP = 500;

async function prune({ database, clock }: TokensOptions): Promise<void> {
  const nowMs = clock.nowMs();
  let hasMore = true;
  while (hasMore) hasMore = await database.write((tx) => deleteExpiredDenials(tx, nowMs, PRUNE_STEP));
  let removed = PRUNE_STEP;
  // Kept past their validity like all else, so that a clock set back brings nothing to life.
  while (removed === PRUNE_STEP) {
    removed = await database.write((tx) => deleteEndedFamilies(tx, nowMs - SKEW_MS, PRUNE_STEP));
  }
  removed = PRUNE_STEP;
  while (removed === PRUNE_STEP) {
    removed = await database.write((tx) => deleteOldOpaque(tx, nowMs - SKEW_MS, PRUNE_STEP));
  }
}

export function createTokens(options: TokensOptions): Tokens {
  const { recordAudit } = options;
  const denials = createDenials(options);
  const proofKeys = options.encryptionKeys.map(({ bytes }) => deriveKey(bytes, '', 'latchkey refresh tokens'));
  const isAudience = (audience: string) => options.resourceOf(audience) !== undefined;
  const deps = { ...options, isAudience, denials, texts: createRefreshTexts(proofKeys, options.randomBytes) };
  return {
    epoch: denials.epoch,
    mintAccessToken: (request) => mintAccessToken(deps, request),
    issueAccessToken: (tx, request) => issueAccessToken(deps, tx, request),
    startFamily: (tx, request) => startFamily(deps, tx, request),
    refresh: (tx, presented) => refresh(deps, tx, presented),
    lookUpRefresh: (text) => lookUpRefresh(deps, options.database.read, text),
    revokeFamily: (tx, ending) => revokeFamily(deps, tx, ending),
    revokeAccessToken: async (tx, { claims, actor }) => {
      const { jti, exp, workspace_id: workspaceId, environment, client_id, sub } = claims;
      if (!(await denials.denyToken(tx, jti, exp * 1000))) return false;
      const data = { client_id, subject: sub };
      await recordAudit(tx, { action: 'access_token.revoked', actor, workspaceId, environment, targetId: jti, data });
      return true;
    },
    raiseWatermark: (tx, ended) => raiseWatermark(deps, tx, ended),
    verifyAccessToken: (text) => verifyAccessToken(deps, text),
    findAccessToken: (text) => findAccessToken(deps, text),
    isDenied: (claims) => denials.isDenied(deniableOf(claims)),
    denialsVersion: denials.version,
    knowsAllDenials: denials.knowsAll,
    load: denials.load,
    sweep: async () => denials.sweep(),
    prune: () => prune(options),
  };
}

import { isId, type ScopeCatalogue } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Environment } from '../http/index.ts';
import type { Limits } from '../limits/index.ts';
import type { RemoteKeys } from '../remote-keys/index.ts';
import type { Resources } from '../resources/index.ts';
import { isExpired } from '../tokens/index.ts';
import type { IssuerTable } from './live-issuers.ts';
import type { SelfIssuedKeys } from './self-issuer.ts';

/** A JWT that Latchkey did not make, verified: what it is worth here. */
export interface ForeignToken {
  /** `trusted`: a registered issuer's; `self_issued`: an application's own. */
  readonly kind: 'trusted' | 'self_issued';
  /** The trusted issuer, or the application. */
  readonly issuerId: string;
  /** What `iss` says. */
  readonly issuer: string;
  /** What `sub` says: its issuer's word, and nobody's account. */
  readonly subject: string;
  readonly clientId: string | null;
  readonly workspaceId: string;
  readonly environment: Environment;
  /** Of the resource that it counts for, whatever its `aud` spells. */
  readonly audience: string;
  /** What it asks for, as far as its issuer may give it. */
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
  /** When the key that signed it ends, as far as that is known. */
  readonly keyEndsAtMs: number;
  /** An application's own plan and limits, before those of its workspace. */
  readonly plan: string | null;
  readonly limits: Limits | null;
}

/**
 * Whether a subject that looks like a user of ours may be one: that user has a live grant for the application, or linked
 * the identity.
 */
export type IsSubjectLinked = (claim: {
  kind: ForeignToken['kind'];
  issuerId: string;
  userId: string;
}) => Promise<boolean>;

export interface ForeignDeps {
  clock: Clock;
  catalogue: ScopeCatalogue;
  resources: Resources;
  remoteKeys: RemoteKeys;
  issuers(): IssuerTable;
  selfIssued: SelfIssuedKeys;
  isSubjectLinked: IsSubjectLinked;
  /** Our own issuer. */
  issuer(): string;
}

/** Nobody becomes one of our users by saying so, nor one of our applications: of itself only that one speaks. */
const OUR_USER = /^usr_/i;

export async function refuseUnlinked(
  { isSubjectLinked }: Pick<ForeignDeps, 'isSubjectLinked'>,
  { kind, issuerId, subject }: { kind: ForeignToken['kind']; issuerId: string; subject: string },
): Promise<void> {
  if (isId('application', subject) && (kind === 'trusted' || subject !== issuerId)) {
    throw new Failure('invalid_token', 'The sub of the token is an application of this server, which did not sign it.');
  }
  if (!OUR_USER.test(subject) || (await isSubjectLinked({ kind, issuerId, userId: subject }))) return;
  throw new Failure('invalid_token', 'The sub of the token is an id of this server, and that user has not allowed it.');
}

/** After the signature: whose it is, is known. */
export function refuseExpired(exp: number, nowMs: number): void {
  if (isExpired(exp * 1000, nowMs)) throw new Failure('token_expired', 'The token has expired.');
}

/**
 * What a token gets of what it asks for: what its issuer may give, and of what it asks too widely the part that its
 * issuer may give. Unknown scopes are passed over (contract §5).
 */
export function scopesWithin(
  catalogue: ScopeCatalogue,
  asked: readonly string[],
  allowed: readonly string[],
): readonly string[] {
  const most = catalogue.expand(allowed);
  const wanted = catalogue.expand(asked);
  const given = asked.filter((scope) => catalogue.has(scope) && most.has(scope));
  const part = allowed.filter((scope) => catalogue.has(scope) && wanted.has(scope));
  return [...new Set([...given, ...part])];
}

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
  /** What lets an application speak of a user of ours; null where `sub` names none. */
  readonly link: SubjectLink | null;
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

/** What a user of ours allows an application that speaks of that user: a grant that lives. */
export interface SubjectLink {
  readonly userId: string;
  readonly grantId: string;
  /** The most that may be done in the user's name. */
  readonly scopes: readonly string[];
}

/** An application that signs, and the user of ours whom it names, at one resource. */
export interface SubjectClaim {
  clientId: string;
  workspaceId: string;
  environment: Environment;
  scopes: readonly string[];
  userId: string;
  audience: string;
}

/** By the database, at this moment. Null: that user has allowed nothing, or cannot allow it any more. */
export type FindSubjectLink = (claim: SubjectClaim) => Promise<SubjectLink | null>;

export interface ForeignDeps {
  clock: Clock;
  catalogue: ScopeCatalogue;
  resources: Resources;
  remoteKeys: RemoteKeys;
  /** Keys of applications that sign for themselves. */
  applicationKeys: RemoteKeys;
  issuers(): IssuerTable;
  selfIssued: SelfIssuedKeys;
  findSubjectLink: FindSubjectLink;
  /** When a backup was put back: an assertion that may be older could have been used. Null: never. */
  restoredAtMs: number | null;
  /** Our own issuer. */
  issuer(): string;
}

const OUR_USER = /^usr_/i;

/** Whether a subject is, or poses as, one of our users. */
export const namesOurUser = (subject: string) => OUR_USER.test(subject);

const notLinked = () =>
  new Failure('invalid_token', 'The sub of the token is an id of this server, and that user has not allowed it.');

/**
 * Nobody becomes one of our applications by saying so: of itself only that one speaks. Of our users a trusted issuer
 * knows none; whether an application may name one is asked by `linkOf`, or by who gives something for an assertion.
 */
export function refuseOurIds({ kind, issuerId, subject }: Pick<ForeignToken, 'kind' | 'issuerId' | 'subject'>): void {
  if (isId('application', subject) && (kind === 'trusted' || subject !== issuerId)) {
    throw new Failure('invalid_token', 'The sub of the token is an application of this server, which did not sign it.');
  }
  if (kind === 'trusted' && namesOurUser(subject)) throw notLinked();
}

/** What lets an application speak of a subject; null where nothing is needed. Refuses a user of ours who has not allowed it. */
export async function linkOf(
  { findSubjectLink }: Pick<ForeignDeps, 'findSubjectLink'>,
  claim: SubjectClaim,
): Promise<SubjectLink | null> {
  if (!namesOurUser(claim.userId)) return null;
  const link = isId('user', claim.userId) ? await findSubjectLink(claim) : null;
  if (!link) throw notLinked();
  return link;
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

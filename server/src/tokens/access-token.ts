import { isId, isScopeToken } from '@latchkey/protocol';
import type { Environment } from '../http/index.ts';
import type { JsonObject } from '../signing-keys/index.ts';
import { type DeniableToken, subjectOf } from './denials/index.ts';

/** `typ` of an access token (RFC 9068 §2.1). No other kind of token has it, and an access token has no other. */
export const ACCESS_TOKEN_TYPE = 'at+jwt';

/** `client_id` of tokens from a login: the house itself, which is no application. */
export const FIRST_PARTY_CLIENT = 'latchkey';

/** What an access token says (RFC 9068 §2.2, and our own). Times are whole seconds since 1970. */
export interface AccessTokenClaims {
  iss: string;
  /** A user, or the client itself where no user is behind it. */
  sub: string;
  /** The one resource that it is for. */
  aud: string;
  client_id: string;
  iat: number;
  nbf?: number;
  exp: number;
  jti: string;
  /** Scope tokens with one space between them; empty for none. */
  scope: string;
  workspace_id: string;
  environment: Environment;
  /** The newest watermark when it was authorized. */
  epoch: number;
  grant_id?: string;
  /** The login session behind it (OpenID Connect Front-Channel Logout §3). */
  sid?: string;
  family_id?: string;
  /** When and how the user signed in (RFC 9068 §2.2.1); absent where no user did. */
  auth_time?: number;
  acr?: string;
  amr?: readonly string[];
  /** Whose word `sub` is, where an assertion of somebody else was exchanged for the token. */
  subject_issuer?: string;
  /** The trusted issuer that this was: the token ends with it. */
  trusted_issuer_id?: string;
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= 500;
const isTextOrAbsent = (value: unknown) => value === undefined || isText(value);
const isScope = (value: unknown) =>
  typeof value === 'string' && (value === '' || value.split(' ').every((token) => isScopeToken(token)));

const REQUIRED = ['iss', 'sub', 'aud', 'client_id'] as const;
const OPTIONAL = ['grant_id', 'sid', 'family_id', 'subject_issuer', 'trusted_issuer_id', 'acr'] as const;
const OPTIONAL_TIMES = ['nbf', 'auth_time'] as const;

/** The claims of a payload whose signature was ours; null when one is missing or of another type. */
export function readClaims(payload: JsonObject): AccessTokenClaims | null {
  const { iat, exp, epoch, jti, scope, environment, amr = [] } = payload;
  const hasTexts =
    REQUIRED.every((name) => isText(payload[name])) && OPTIONAL.every((name) => isTextOrAbsent(payload[name]));
  const hasTimes =
    [iat, exp, epoch].every(isTime) &&
    OPTIONAL_TIMES.every((name) => payload[name] === undefined || isTime(payload[name]));
  const hasIds = isText(jti) && isId('access_token', jti) && isText(payload.workspace_id);
  const isWhere = environment === 'test' || environment === 'live';
  const isHow = Array.isArray(amr) && amr.every(isText);
  if (!hasTexts || !hasTimes || !hasIds || !isWhere || !isHow || !isScope(scope)) return null;
  return payload as unknown as AccessTokenClaims;
}

/** How a token came to be (contract §4): a login, a user's grant, or an application for itself. */
export function methodOf({
  sub,
  client_id: clientId,
  subject_issuer: subjectIssuer,
}: AccessTokenClaims): 'session' | 'oauth' | 'jwt' {
  if (clientId === FIRST_PARTY_CLIENT) return 'session';
  // What an assertion says of its subject never resolves to an account (contract §7).
  return isId('user', sub) && subjectIssuer === undefined ? 'oauth' : 'jwt';
}

/** What a token hangs on: whatever of this is ended ends the token. */
export interface TokenTies {
  userId: string | null;
  clientId: string;
  grantId?: string | null | undefined;
  sessionId?: string | null | undefined;
  familyId?: string | null | undefined;
  trustedIssuerId?: string | null | undefined;
}

export function subjectsOf(ties: TokenTies): string[] {
  const { userId, clientId, grantId, sessionId, familyId, trustedIssuerId } = ties;
  const subjects = clientId === FIRST_PARTY_CLIENT ? [] : [subjectOf('client', clientId)];
  if (userId !== null) subjects.push(subjectOf('user', userId));
  if (grantId) subjects.push(subjectOf('grant', grantId));
  if (sessionId) subjects.push(subjectOf('session', sessionId));
  if (familyId) subjects.push(subjectOf('family', familyId));
  if (trustedIssuerId) subjects.push(subjectOf('issuer', trustedIssuerId));
  return subjects;
}

/** The user behind a token; null when an application speaks for itself. */
export function userIdOf(claims: AccessTokenClaims): string | null {
  return methodOf(claims) === 'jwt' ? null : claims.sub;
}

/** What `Denials.isDenied` asks. */
export function deniableOf(claims: AccessTokenClaims): DeniableToken {
  const { jti, epoch, client_id: clientId, grant_id: grantId, sid: sessionId, family_id: familyId } = claims;
  const { trusted_issuer_id: trustedIssuerId } = claims;
  // A user who is only named by an assertion ends the token too.
  const userId = userIdOf(claims) ?? (isId('user', claims.sub) ? claims.sub : null);
  return { jti, epoch, subjects: subjectsOf({ userId, clientId, grantId, sessionId, familyId, trustedIssuerId }) };
}

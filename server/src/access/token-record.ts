import type { ScopeCatalogue } from '@latchkey/protocol';
import { Failure } from '../failure.ts';
import type { Principal, SignIn } from '../http/index.ts';
import { type CallerClass, DEFAULT_PLAN, type Limits, NO_SEAT, type PlanTable, planNamed } from '../limits/index.ts';
import { type AccessTokenClaims, isExpired, methodOf, userIdOf } from '../tokens/index.ts';
import type { Spendable } from './spending.ts';

/** What a workspace says of the tokens in it. */
export interface TokenWorkspace {
  readonly id: string;
  readonly isSuspended: boolean;
  readonly plan: string | null;
  readonly limits: Limits | null;
  readonly isPooled: boolean;
  readonly requiresSecondFactor: boolean;
}

/** Who stands behind a token: its user, where there is one, and its application. */
export interface TokenSubject {
  /** False when one of them is disabled or gone. */
  readonly isActive: boolean;
  /** The application's own workspace, which may be another than the token's: what changes there, changes its tokens. */
  readonly clientWorkspaceId: string | null;
  /** The application's own; null for a login, and where it has none. */
  readonly plan: string | null;
  readonly limits: Limits | null;
}

/** A verified token, kept in memory under the digest of its text; never the text. */
export interface TokenRecord extends Spendable {
  readonly claims: AccessTokenClaims;
  /** Null: it is opaque. */
  readonly kid: string | null;
  readonly expiresAtMs: number;
  readonly isWorkspaceSuspended: boolean;
  readonly subject: TokenSubject;
  /** True for a login by password alone where the workspace asks for more. */
  readonly lacksSecondFactor: boolean;
  readonly principal: Principal;
  /** Up to which state of denials and keys it was found good; asked again when either has moved on. */
  goodAt: { denials: number; keys: object } | null;
}

/** Granted scopes and all that they imply, for one state of the catalogue. */
export type ScopesOf = (scope: string) => Pick<Principal, 'grantedScopes' | 'scopes'>;

const MAX_SCOPES = 10_000;

/** Most tokens are granted what many others are: they share one list and one set. */
export function createScopesOf(catalogue: ScopeCatalogue): ScopesOf {
  const known = new Map<string, ReturnType<ScopesOf>>();
  return (scope) => {
    let scopes = known.get(scope);
    if (scopes === undefined) {
      const grantedScopes = scope === '' ? [] : [...new Set(scope.split(' '))];
      scopes = { grantedScopes, scopes: catalogue.expand(grantedScopes) };
      if (known.size >= MAX_SCOPES) known.clear();
      known.set(scope, scopes);
    }
    return scopes;
  };
}

export interface TokenContext {
  scopesOf: ScopesOf;
  plans: PlanTable;
  workspace: TokenWorkspace;
  subject: TokenSubject;
  /** Whether the user is an owner of the first workspace, and the token of it. */
  isOperatorsLogin: boolean;
}

const CLASSES: Record<string, CallerClass> = { session: 'login', oauth: 'oauth', jwt: 'oauth' };

/**
 * Whose bucket (contract §9): the user's for logins and for consents, apart from one another; the application's own where
 * no user is behind it; the workspace's where that is pooled. An application with limits of its own counts apart.
 */
function limitsOf(
  claims: AccessTokenClaims,
  { workspace, plans, subject }: TokenContext,
): Pick<Spendable, 'limits' | 'limitBucket'> {
  const plan = planNamed(plans, workspace.plan ?? DEFAULT_PLAN).limits;
  if (workspace.isPooled) return { limits: workspace.limits ?? plan.api_key, limitBucket: `ws:${workspace.id}` };
  const callerClass = CLASSES[methodOf(claims)] ?? 'oauth';
  const { sub, environment, client_id } = claims;
  // Whatever an assertion said of its subject, the application spends.
  const spender = methodOf(claims) === 'jwt' ? client_id : sub;
  const limitBucket = `${callerClass}:${environment}:${spender}`;
  const own = subject.limits ?? (subject.plan === null ? null : planNamed(plans, subject.plan).limits[callerClass]);
  if (own !== null)
    return { limits: own, limitBucket: spender === client_id ? limitBucket : `${limitBucket}:${client_id}` };
  return { limits: workspace.limits ?? plan[callerClass], limitBucket };
}

/** None behind a token that an application was given for itself, or for whom an assertion names. */
function signInOf(claims: AccessTokenClaims): SignIn | null {
  const { auth_time: authTime, acr = null } = claims;
  return authTime === undefined || methodOf(claims) === 'jwt' ? null : { atMs: authTime * 1000, acr };
}

function principalOf(claims: AccessTokenClaims, { scopesOf, isOperatorsLogin }: TokenContext): Principal {
  const method = methodOf(claims);
  const granted = scopesOf(claims.scope);
  return {
    kind: method === 'jwt' ? 'application' : 'user',
    method,
    credentialId: claims.jti,
    workspaceId: claims.workspace_id,
    environment: claims.environment,
    userId: userIdOf(claims),
    role: null,
    subject: claims.sub,
    subjectIssuer: claims.subject_issuer ?? claims.iss,
    clientId: method === 'session' ? null : claims.client_id,
    audience: claims.aud,
    ...granted,
    expiresAtMs: claims.exp * 1000,
    signIn: signInOf(claims),
    // A login from before somebody became an owner holds less than an owner does.
    isOperator: isOperatorsLogin && granted.scopes.has('admin'),
    allWorkspaces: false,
  };
}

function lacksSecondFactor(claims: AccessTokenClaims, workspace: TokenWorkspace): boolean {
  if (!workspace.requiresSecondFactor || methodOf(claims) !== 'session') return false;
  return !(claims.amr ?? []).includes('mfa');
}

export function toTokenRecord(claims: AccessTokenClaims, kid: string | null, context: TokenContext): TokenRecord {
  return {
    claims,
    kid,
    expiresAtMs: claims.exp * 1000,
    isWorkspaceSuspended: context.workspace.isSuspended,
    subject: context.subject,
    lacksSecondFactor: lacksSecondFactor(claims, context.workspace),
    principal: principalOf(claims, context),
    ...limitsOf(claims, context),
    quota: null,
    quotaBucket: '',
    ...NO_SEAT,
    goodAt: null,
  };
}

/** Whether a token that was not ended by itself still lives at this moment. Pure. */
export function refuseDeadToken(
  record: Pick<TokenRecord, 'expiresAtMs' | 'isWorkspaceSuspended' | 'subject' | 'lacksSecondFactor'>,
  nowMs: number,
): void {
  if (isExpired(record.expiresAtMs, nowMs)) throw new Failure('token_expired', 'The access token has expired.');
  if (record.isWorkspaceSuspended)
    throw new Failure('invalid_token', 'The workspace of this access token is suspended.');
  if (!record.subject.isActive) {
    throw new Failure('invalid_token', 'The user or application behind this access token is disabled.');
  }
  if (record.lacksSecondFactor) {
    throw new Failure(
      'invalid_token',
      'The workspace requires a second factor, and this login showed none. Log in again.',
    );
  }
}

/**
 * The verified answer to "who is calling": one shape for every kind of credential. Built by `access`, read by routes.
 * A principal is made once per credential and kept: nothing in it may be changed.
 */
export interface Principal {
  readonly kind: 'root' | 'api_key' | 'session' | 'user' | 'application';
  /** How the credential proves itself (contract §4). */
  readonly method: 'api_key' | 'oauth' | 'jwt' | 'session';
  /** The key's id, the `jti` of a token of ours; of a JWT of others its trusted issuer or application. */
  readonly credentialId: string;
  /** Null for the root key, which belongs to none. */
  readonly workspaceId: string | null;
  readonly environment: Environment | null;
  readonly userId: string | null;
  /** What a signed-in person is in the workspace; null for every other credential. */
  readonly role: Role | null;
  readonly subject: string;
  readonly subjectIssuer: string | null;
  readonly clientId: string | null;
  /** The one resource that the credential is for; null: for every one. */
  readonly audience: string | null;
  /** As they were granted, in that order. */
  readonly grantedScopes: readonly string[];
  /** The granted scopes and all that they imply. */
  readonly scopes: ReadonlySet<string>;
  readonly expiresAtMs: number | null;
  /** The person's sign-in behind it, for who asks how recent and strong it was; null where nobody signed in. */
  readonly signIn: SignIn | null;
  /** The root key, or a person who signed in as an owner of the first workspace: what belongs to no tenant is theirs. */
  readonly isOperator: boolean;
  /** An operator's server: it may ask about credentials of every workspace. */
  readonly allWorkspaces: boolean;
  /** Principals with the same object here differ in `credentialId`, `subject` and `expiresAtMs` alone. */
  readonly kin?: object;
}

/** When a person last proved who they are, and how strongly (`accounts` has the values of `acr`). */
export interface SignIn {
  readonly atMs: number;
  readonly acr: string | null;
}

/** What a person may be in a workspace (`accounts` says what each may do). */
export type Role = 'owner' | 'admin' | 'developer' | 'viewer';

/**
 * Who stands behind a credential, for what is written down and outlives it: tokens come and go, the user or application
 * stays.
 */
export function makerOf({ kind, userId, clientId, credentialId, subject }: Principal): string {
  if (kind === 'user' || kind === 'session') return userId ?? credentialId;
  return kind === 'application' ? (clientId ?? `${credentialId}:${subject}`) : credentialId;
}

/**
 * Who owns what a principal makes for itself. A subject that is only its issuer's word counts within that issuer: it may
 * be the very text of somebody else's id.
 */
export function ownerOf({ kind, userId, clientId, credentialId, subject }: Principal): string {
  const isTheirWord = kind === 'application' && subject !== clientId;
  return userId ?? (isTheirWord ? `${clientId ?? credentialId}:${subject}` : subject);
}

export type Environment = 'test' | 'live';

import type { Identity } from '../../accounts/index.ts';

export type Claims = Readonly<Record<string, string | boolean>>;

/** Which claims a scope opens (OpenID Connect Core §5.4). A claim that is not known is left out (§5.3.2). */
const CLAIMS_OF_SCOPE: Readonly<Record<string, (identity: Identity) => Record<string, string | boolean | null>>> = {
  profile: ({ name }) => ({ name }),
  email: ({ email, isEmailVerified }) => ({ email, email_verified: isEmailVerified }),
};

/** `claims_supported` besides those of the token itself (OpenID Connect Discovery §3). */
export const IDENTITY_CLAIMS = ['sub', 'name', 'email', 'email_verified'];

/** The claims about a person that these scopes open, as a consent gave them. `sub` is always there. Pure. */
export function claimsFor(identity: Identity, scopes: ReadonlySet<string>): Claims {
  const claims: Record<string, string | boolean> = { sub: identity.userId };
  for (const [scope, open] of Object.entries(CLAIMS_OF_SCOPE)) {
    if (!scopes.has(scope)) continue;
    for (const [name, value] of Object.entries(open(identity))) if (value !== null) claims[name] = value;
  }
  return claims;
}

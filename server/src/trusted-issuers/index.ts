// Boundary: JWTs that Latchkey did not make (contract §7): of trusted issuers, of applications by themselves, and
// assertions that are exchanged for a token (RFC 7523). Owns trusted_issuers and used_assertions. Their keys are read by
// `remote-keys`; applications' keys and secrets come by a callback. What a verified one may do is decided in `access`,
// what it is exchanged for in `oauth`.
export { removeIssuerAfterRestore } from './after-restore.ts';
export type { AssertionRequest, AssertionResult, Assertions, VerifiedAssertion } from './assertion.ts';
export type { FindSubjectLink, ForeignToken, SubjectClaim, SubjectLink } from './foreign-token.ts';
export { trustedIssuersSealedColumns } from './issuer.ts';
export { type TrustedIssuerRoutesDeps, trustedIssuerRoutes } from './routes.ts';
export type { SelfIssuedKeys, SelfIssuer } from './self-issuer.ts';
export { trustedIssuersMigrations } from './tables.ts';
export { createTrustedIssuers, type TrustedIssuers } from './trusted-issuers.ts';

// Boundary: the authorization endpoint: who asks, where the answer goes, what is asked; who is there and what they allow;
// the code. Owns authorization_codes and authorization_requests. What people allowed lives in `consent`; what is shown to
// them is drawn by `pages`; codes are redeemed at the token endpoint, by `Codes.redeem`.
export type { PersonAnswer } from './answer.ts';
export { type Authorizer, createAuthorizer } from './authorizer.ts';
export type { AuthorizationCode, CodeRedemption, CodeRefusal, GivenByCode, PresentedCode } from './code.ts';
export { type Codes, createCodes } from './codes.ts';
export type { AuthorizeDeps } from './deps.ts';
export type { Offer, Standing } from './evaluate.ts';
export { type HintDeps, type IdTokenHint, readIdTokenHint } from './id-token-hint.ts';
export type { AskedStanding, Outcome, Question, Unanswerable } from './outcome.ts';
export { type AuthorizationParameters, readParameters } from './parameters.ts';
export type { Blocked } from './place.ts';
export { isBrowserText, REQUEST_TTL_MS } from './requests.ts';
export type { AuthorizationResponse } from './response.ts';
export type { Visitor } from './resume.ts';
export { deleteAllPending } from './store.ts';
export { authorizeMigrations } from './tables.ts';

// Boundary: Fastify set-up: request ids, caps, strict JSON, versions, one catalogue of errors in four renderings, CORS,
// idempotency, cursors, OpenAPI, health. A domain declares routes with `route()`; who may call them is asked of the
// authenticator that `compose.ts` passes in. Knows no domain.
export type { AuthenticatableRequest, Authenticate } from './authenticate.ts';
export { cookieLine, cookieName, presentedSession, readCookie, SESSION_COOKIE } from './cookies.ts';
export { type PresentedCredential, presentedCredential } from './credentials.ts';
export { type Cursors, createCursors } from './cursor.ts';
export { expiryOf } from './expiry.ts';
export type { FormCall, FormParameter, FormReply, FormRoute } from './form-routes.ts';
export { type HealthOptions, healthRoutes } from './health.ts';
export { createIdempotency, type Idempotency, idempotencyMigrations } from './idempotency/index.ts';
export { type Page, pageOf } from './page.ts';
export { type FailurePage, type PageCall, type PageReply, type PageRoute, readsPages } from './page-routes.ts';
export { type Environment, makerOf, ownerOf, type Principal, type Role, type SignIn } from './principal.ts';
export { type Access, type Call, type Guarded, type Mount, OPERATOR, type Route, route } from './route.ts';
export { refuseForgedWrite } from './same-origin.ts';
export { closed, listReply, metadataReply, metadataSchema, nullable, oneOf, pageQuery } from './schemas.ts';
export { type AnsweredRequest, createHttpServer, type HttpServer } from './server.ts';

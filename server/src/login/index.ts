// Boundary: login by password and API for first-party software: tokens or a session's cookie, refreshed and ended. Who a
// person is, is proved in `accounts`; how tokens live and die, in `tokens`. Owns no table: a login is a session of
// `accounts` with a family of `tokens` behind it.
export type { LoginDeps } from './deps.ts';
export { refreshLogin } from './refresh.ts';
export { loginRoutes } from './routes.ts';

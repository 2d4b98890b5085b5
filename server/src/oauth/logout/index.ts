// Boundary: signing out at the request of an application (OpenID Connect RP-Initiated Logout): whether the person is asked,
// and where they may go afterwards. Owns no table. The session is ended in `accounts`, by the page.
export { type LogoutDeps, type LogoutOutcome, type LogoutRefusal, type LogoutReturn, readLogout } from './logout.ts';

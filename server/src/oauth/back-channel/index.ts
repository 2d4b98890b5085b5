// Boundary: telling applications of sessions that end (OpenID Connect Back-Channel Logout): which of them were given tokens
// in a session, the queue of what they have not heard yet, the logout token, and its delivery. Owns session_clients and
// logout_deliveries. How a session ends is decided in `accounts`, which is handed `createSessionEnds` by compose.ts.
export { createLogoutDeliveries, type LogoutDeliveries, type LogoutDeliveryDeps } from './deliver.ts';
export { createSessionEnds, noteSessionClient } from './queue.ts';
export { backChannelMigrations } from './tables.ts';

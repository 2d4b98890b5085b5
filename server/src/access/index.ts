// Boundary: the door. A presented credential becomes a Principal, a decision on whether it may make this call, and what
// the call spends. Owns no table: keys are resolved by `api-keys`, tokens verified by `tokens`, calls counted by
// `limits`; routes declare what they need through `http`. Here too: who is calling, the gate for proxies, and checking somebody else's key.
export { createAuthenticate } from './authenticate.ts';
export { createDoor, type Decision } from './door.ts';
export { createForeignResolver, type ForeignResolver } from './foreign-resolver.ts';
export { gateRoute } from './gate.ts';
export { createInspect, type Inspect } from './inspect.ts';
export { accessRoutes } from './routes.ts';
export { createSpender, refuseSpending } from './spending.ts';
export type { TokenSubject } from './token-record.ts';
export { createTokenResolver, type TokenResolver } from './token-resolver.ts';
export { createVerifyKey, type VerifyKey } from './verify-key.ts';
export { verifyKeyRoute } from './verify-route.ts';

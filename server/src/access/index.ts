// Boundary: the door. A presented credential becomes a Principal, and a decision on whether it may make this call.
// Owns no table: keys are resolved by `api-keys`; routes declare what they need through `http`.
export { createAuthenticate, type Decision } from './authenticate.ts';
export { accessRoutes } from './routes.ts';

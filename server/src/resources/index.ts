// Boundary: resources: the APIs that tokens are for, what they are addressed as, and the format, algorithm and lifetime of
// their tokens. Owns resources and resource_audiences. Which scope belongs to which stands in `scopes`; who may have a
// token for one is decided by who gives it.
export { audienceProblem, isRequestable } from './audience.ts';
export { createResources } from './live-resources.ts';
export { type AskingApplication, mayAskFor } from './may-ask-for.ts';
export { LONGEST_TTL_SECONDS, type Resource, type Resources, SHORTEST_TTL_SECONDS } from './resource.ts';
export { resourceRoutes } from './routes.ts';
export { lockResource } from './store.ts';
export { resourcesMigrations } from './tables.ts';

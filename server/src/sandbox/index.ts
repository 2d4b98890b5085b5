// Boundary: the example API that a newcomer calls first: projects, orders, data; apart per workspace and environment.
// Owns sandbox_rows. It is protected like any operator's API and knows nothing of credentials.
export type { SandboxDeps } from './collection.ts';
export { sandboxRoutes } from './routes.ts';
export { seedSandbox } from './seed.ts';
export { sandboxMigrations } from './tables.ts';

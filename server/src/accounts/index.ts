// Boundary: people and tenants: users, passwords, workspaces, members. Owns workspaces, users, members, installation.
// A credential belongs to a workspace, never to the person who made it; credentials live in their own domains.
export { suspendAfterRestore } from './after-restore.ts';
export { type AccountsDeps, createFirstWorkspace, createWorkspace } from './create-workspace.ts';
export { createSlowHashes, hashPassword, type SlowHashes } from './password.ts';
export { createWorkspaces, type Workspaces } from './resolve-workspace.ts';
export { accountsMigrations } from './tables.ts';
export type { WorkspaceFacts } from './workspace.ts';
export { workspaceRoutes } from './workspace-routes.ts';

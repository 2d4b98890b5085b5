import { randomBase62 } from '@latchkey/protocol';
import { type AccountsDeps, createFirstWorkspace, hashPassword } from './accounts/index.ts';
import { type IssueDeps, issueKey, PLAIN_KEY } from './api-keys/index.ts';
import { systemActor } from './audit/index.ts';
import type { Database } from './database/index.ts';
import { UNLIMITED } from './limits/index.ts';
import { seedSandbox } from './sandbox/index.ts';

/** What a development server makes for itself once, and shows once. */
export interface FirstStart {
  workspaceId: string;
  owner: { email: string; password: string };
  testKey: string;
}

const OWNER_EMAIL = 'owner@example.com';
const TEST_KEY_SCOPES = ['read', 'write', 'delete', 'api_keys:read', 'api_keys:write', 'api_keys:verify'];

export interface BootstrapDeps extends AccountsDeps, IssueDeps {
  database: Database;
  sandbox: boolean;
  hasFirstWorkspace(): Promise<boolean>;
}

/** Workspace, owner and test key, all or nothing; null when the installation has begun already. */
export async function bootstrap(deps: BootstrapDeps): Promise<FirstStart | null> {
  if (await deps.hasFirstWorkspace()) return null;
  const password = randomBase62(20, deps.randomBytes);
  const passwordHash = await hashPassword(password);
  return deps.database.write(async (tx) => {
    const owner = { email: OWNER_EMAIL, passwordHash };
    const first = await createFirstWorkspace(deps, tx, systemActor, { name: 'My workspace', owner });
    if (!first) return null;
    const { workspaceId, ownerId } = first;
    const { text } = await issueKey(
      deps,
      tx,
      { grantor: null, actor: systemActor, limitsOfNewKey: UNLIMITED },
      {
        ...PLAIN_KEY,
        name: 'First test key',
        environment: 'test',
        workspaceId,
        scopes: TEST_KEY_SCOPES,
        owner: ownerId,
      },
    );
    if (deps.sandbox) await seedSandbox(deps, tx, workspaceId, ownerId);
    return { workspaceId, owner: { email: OWNER_EMAIL, password }, testKey: text };
  });
}

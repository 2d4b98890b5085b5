import { randomBase62 } from '@latchkey/protocol';
import { type AccountsDeps, createFirstWorkspace, hashPassword } from './accounts/index.ts';
import { type IssueDeps, issueKey, PLAIN_KEY } from './api-keys/index.ts';
import { type ApplicationDeps, createApplication, defaultsOf, redirectUriProblem } from './applications/index.ts';
import { systemActor } from './audit/index.ts';
import type { Database, Tx } from './database/index.ts';
import { UNLIMITED } from './limits/index.ts';
import { seedSandbox } from './sandbox/index.ts';

/** What a development server makes for itself once, and shows once. */
export interface FirstStart {
  workspaceId: string;
  owner: { email: string; password: string };
  testKey: string;
  /** A web application that is sent back to `/dev/callback`; null where no application may be sent to this issuer. */
  application: { clientId: string; clientSecret: string } | null;
}

const OWNER_EMAIL = 'owner@example.com';
const DEMO_SCOPES = ['openid', 'profile', 'email', 'offline_access', 'read', 'write'];
const TEST_KEY_SCOPES = ['read', 'write', 'delete', 'api_keys:read', 'api_keys:write', 'api_keys:verify'];

export interface BootstrapDeps extends AccountsDeps, IssueDeps, ApplicationDeps {
  database: Database;
  sandbox: boolean;
  issuer(): string;
  hasFirstWorkspace(): Promise<boolean>;
}

async function makeDemoApplication(
  deps: BootstrapDeps,
  tx: Tx,
  workspaceId: string,
): Promise<FirstStart['application']> {
  const callback = `${deps.issuer()}/dev/callback`;
  if (redirectUriProblem(callback, 'web', 'test') !== null) return null;
  const { row, secret } = await createApplication(deps, tx, {
    workspaceId,
    settings: {
      ...defaultsOf('web'),
      name: 'Demo application',
      environment: 'test',
      scopes: DEMO_SCOPES,
      redirectUris: [callback],
    },
    grantor: null,
    actor: systemActor,
    limits: UNLIMITED,
  });
  return { clientId: row.id, clientSecret: secret?.text ?? '' };
}

/** Workspace, owner, test key and demo application, all or nothing; null when the installation has begun already. */
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
    const application = await makeDemoApplication(deps, tx, workspaceId);
    return { workspaceId, owner: { email: OWNER_EMAIL, password }, testKey: text, application };
  });
}

import { isId } from '@latchkey/protocol';
import type { Database } from '../database/index.ts';
import type { Limits } from '../limits/index.ts';
import { type Changes, createRecordCache } from '../shared-state/index.ts';
import type { Application } from './application.ts';
import { toApplication } from './settings.ts';
import { anyApplication, secretsOf } from './store.ts';

/** A secret as it is known in memory: never its text. */
export interface KnownSecret {
  readonly id: string;
  /** SHA-256 of the text, hex. */
  readonly hash: string;
  /** Sealed, where JWTs are signed with it. */
  readonly sealed: string | null;
  readonly expiresAtMs: number | null;
}

/** An application with what proves it. */
export interface ClientRecord {
  readonly application: Application;
  readonly secrets: readonly KnownSecret[];
}

/** OAuth clients, from memory. */
export interface Applications {
  /** Null when there is none. It may be disabled, or its workspace suspended: `isDisabled`. */
  find(clientId: string): Promise<Application | null>;
  /** The same where it is in memory and may be trusted; no promise. */
  peek(clientId: string): Application | undefined;
  /** With its secrets, for who authenticates it. */
  record(clientId: string): Promise<ClientRecord | null>;
  /** Forgets all: what they were made with has changed. */
  forget(): void;
}

export interface DirectoryOptions {
  database: Database;
  changes: Changes;
  audienceOf(resourceId: string): string | undefined;
  workspaceFacts(id: string): Promise<{ isSuspended: boolean; limits: Limits | null } | null>;
}

const MAX_RECORDS = 50_000;

export function createApplications(options: DirectoryOptions): Applications {
  const { database, changes, audienceOf, workspaceFacts } = options;
  const cache = createRecordCache<ClientRecord>({
    changes,
    maxEntries: MAX_RECORDS,
    refsOf: ({ application: { id, workspaceId } }) => (workspaceId === null ? [id] : [id, workspaceId]),
    load: async (clientId) => {
      const row = await anyApplication(database.read, clientId);
      if (!row) return null;
      const secrets = await secretsOf(database.read, clientId);
      const workspace = row.workspace_id === null ? null : await workspaceFacts(row.workspace_id);
      const isWorkspaceSuspended = row.workspace_id !== null && (workspace?.isSuspended ?? true);
      return {
        application: toApplication(row, { audienceOf, isWorkspaceSuspended }),
        secrets: secrets.map(({ id, secret_hash: hash, secret_sealed: sealed, expires_at: expiresAtMs }) => ({
          id,
          hash,
          sealed,
          expiresAtMs,
        })),
      };
    },
  });
  // What cannot be an id is asked of nobody: anybody may send anything.
  const record = (clientId: string) => (isId('application', clientId) ? cache.fetch(clientId) : Promise.resolve(null));
  return {
    find: async (clientId) => (await record(clientId))?.application ?? null,
    peek: (clientId) => cache.peek(clientId)?.application,
    record,
    forget: cache.clear,
  };
}

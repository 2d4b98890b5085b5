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

/**
 * OAuth clients, from memory. One whose id is the URL of its own document is read from the web only for whoever says from
 * which address it was named: that address pays. Throws what reading it throws.
 */
export interface Applications {
  /** Null when there is none. It may be disabled, or its workspace suspended: `isDisabled`. */
  find(clientId: string, namedFrom?: string): Promise<Application | null>;
  /** The same where it is in memory and may be trusted; no promise. */
  peek(clientId: string): Application | undefined;
  /** With its secrets, for who authenticates it. */
  record(clientId: string, namedFrom?: string): Promise<ClientRecord | null>;
  /** Forgets all: what they were made with has changed. */
  forget(): void;
}

/** Clients that are described at the URL which is their id. */
export interface ClientDocuments {
  isDocument(clientId: string): boolean;
  peek(clientId: string): Application | undefined;
  /** Throws `invalid_client` for what cannot be used, `unavailable` for what cannot be reached, `rate_limit_exceeded`. */
  find(clientId: string, namedFrom: string): Promise<Application>;
}

export interface DirectoryOptions {
  database: Database;
  changes: Changes;
  documents: ClientDocuments;
  selfRegisteredScopes(): readonly string[];
  audienceOf(resourceId: string): string | undefined;
  workspaceFacts(id: string): Promise<{ isSuspended: boolean; limits: Limits | null } | null>;
}

const MAX_RECORDS = 50_000;

export function createApplications(options: DirectoryOptions): Applications {
  const { database, changes, documents, audienceOf, workspaceFacts, selfRegisteredScopes } = options;
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
        application: toApplication(row, { audienceOf, isWorkspaceSuspended, selfRegisteredScopes }),
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
  const record = async (clientId: string, namedFrom?: string): Promise<ClientRecord | null> => {
    if (isId('application', clientId)) return cache.fetch(clientId);
    if (!documents.isDocument(clientId)) return null;
    const known = documents.peek(clientId);
    const application = known ?? (namedFrom === undefined ? null : await documents.find(clientId, namedFrom));
    return application && { application, secrets: [] };
  };
  return {
    find: async (clientId, namedFrom) => (await record(clientId, namedFrom))?.application ?? null,
    peek: (clientId) => cache.peek(clientId)?.application ?? documents.peek(clientId),
    record,
    forget: cache.clear,
  };
}

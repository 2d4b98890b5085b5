import type { Database } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import { type Changes, createRecordCache } from '../shared-state/index.ts';
import { installationFact, memberExists, memberRole, workspaceById, workspaceExists, workspaceIds } from './store.ts';
import { factsOf, type WorkspaceFacts } from './workspace.ts';

/** Which workspace a call is about, and who is in it. */
export interface Workspaces {
  /**
   * A credential's own workspace; naming another is 404, as if it did not exist. Root names one, and without a name
   * means the only one; with several that is 422.
   */
  resolve(principal: Principal, named: string | undefined): Promise<string>;
  hasMember(workspaceId: string, userId: string): Promise<boolean>;
  /** From memory or by one read. */
  facts(id: string): Promise<WorkspaceFacts | null>;
  /** Whether it is the operator's own: the first one. */
  isFirst(id: string): Promise<boolean>;
  /** Whether the installation has begun. */
  hasFirst(): Promise<boolean>;
  /** The installation's first one, whose owners act for the operator; null while there is none. */
  firstId(): Promise<string | null>;
  /** Whether this person is an owner of that first one. */
  isOperator(workspaceId: string, userId: string): Promise<boolean>;
}

const MAX_WORKSPACES = 50_000;

export function createWorkspaces(database: Database, changes: Changes): Workspaces {
  const cache = createRecordCache<WorkspaceFacts>({
    changes,
    maxEntries: MAX_WORKSPACES,
    refsOf: ({ id }) => [id],
    load: async (id) => {
      const row = await workspaceById(database.read, id);
      return row ? factsOf(row) : null;
    },
  });
  const only = async (): Promise<string> => {
    const [first, second] = await workspaceIds(database.read, 2);
    if (first === undefined) throw invalidField('workspace_id', 'there is no workspace yet; create one first');
    if (second !== undefined) throw invalidField('workspace_id', 'is required: there is more than one workspace');
    return first;
  };
  // Once written it never changes.
  let first: string | null = null;
  const firstId = async () => {
    first ??= await installationFact(database.read, 'first_workspace');
    return first;
  };
  const isFirst = async (id: string) => id === (await firstId());
  return {
    isFirst,
    resolve: async (principal, named) => {
      if (principal.kind === 'root') {
        if (named === undefined) return only();
        if (!(await workspaceExists(database.read, named))) throw new Failure('not_found');
        return named;
      }
      const own = principal.workspaceId;
      if (own === null || (named !== undefined && named !== own)) throw new Failure('not_found');
      return own;
    },
    hasMember: (workspaceId, userId) => memberExists(database.read, workspaceId, userId),
    facts: cache.fetch,
    hasFirst: async () => (await workspaceIds(database.read, 1)).length > 0,
    firstId,
    isOperator: async (workspaceId, userId) =>
      (await isFirst(workspaceId)) && (await memberRole(database.read, workspaceId, userId)) === 'owner',
  };
}

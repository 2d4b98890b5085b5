import type { Database } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import { memberExists, workspaceExists, workspaceIds } from './store.ts';

/** Which workspace a call is about, and who is in it. */
export interface Workspaces {
  /**
   * A credential's own workspace; naming another is 404, as if it did not exist. Root names one, and without a name
   * means the only one; with several that is 422.
   */
  resolve(principal: Principal, named: string | undefined): Promise<string>;
  hasMember(workspaceId: string, userId: string): Promise<boolean>;
  /** Whether the installation has begun. */
  hasFirst(): Promise<boolean>;
}

export function createWorkspaces(database: Database): Workspaces {
  const only = async (): Promise<string> => {
    const [first, second] = await workspaceIds(database.read, 2);
    if (first === undefined) throw invalidField('workspace_id', 'there is no workspace yet; create one first');
    if (second !== undefined) throw invalidField('workspace_id', 'is required: there is more than one workspace');
    return first;
  };
  return {
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
    hasFirst: async () => (await workspaceIds(database.read, 1)).length > 0,
  };
}

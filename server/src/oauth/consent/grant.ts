import type { Environment } from '../../http/index.ts';

/** What a user allowed an application: in one workspace, for one resource. */
export interface Grant {
  readonly id: string;
  readonly userId: string;
  readonly clientId: string;
  readonly workspaceId: string;
  readonly environment: Environment;
  readonly audience: string;
  /** As they were allowed, in that order. */
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
  readonly revokedAtMs: number | null;
}

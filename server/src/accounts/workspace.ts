import { toTimestamp } from '../clock.ts';
import type { WorkspaceRow } from './tables.ts';

/** What every call of a credential asks of its workspace; kept in memory. */
export interface WorkspaceFacts {
  readonly id: string;
  readonly isSuspended: boolean;
  readonly plan: string | null;
  /** Own limits, set by the operator, before those of any plan. */
  readonly limits: { perHour: number | null; perSecond: number | null } | null;
  readonly isPooled: boolean;
  readonly requiresSecondFactor: boolean;
}

interface LimitsJson {
  per_hour: number | null;
  per_second: number | null;
}

export function factsOf(row: WorkspaceRow): WorkspaceFacts {
  const limits = row.limits === null ? null : (JSON.parse(row.limits) as LimitsJson);
  return {
    id: row.id,
    isSuspended: row.state === 'suspended',
    plan: row.plan,
    limits: limits && { perHour: limits.per_hour, perSecond: limits.per_second },
    isPooled: row.pooled === 1,
    requiresSecondFactor: row.require_second_factor === 1,
  };
}

export function newWorkspaceRow(id: string, name: string, createdAtMs: number): WorkspaceRow {
  return {
    id,
    name,
    state: 'active',
    external_id: null,
    metadata: '{}',
    plan: null,
    limits: null,
    pooled: 0,
    created_at: createdAtMs,
    require_second_factor: 0,
  };
}

/** A workspace as the API shows it. */
export function presentWorkspace(row: WorkspaceRow) {
  return {
    id: row.id,
    name: row.name,
    state: row.state,
    external_id: row.external_id,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    plan: row.plan,
    limits: row.limits === null ? null : (JSON.parse(row.limits) as LimitsJson),
    pooled: row.pooled === 1,
    require_second_factor: row.require_second_factor === 1,
    created_at: toTimestamp(row.created_at),
  };
}

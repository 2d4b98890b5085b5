/** Who did it: the credential behind a call, or the system itself. */
export interface Actor {
  kind: 'root' | 'api_key' | 'application' | 'user' | 'system';
  id: string | null;
  requestId: string | null;
  address: string | null;
}

/** What was done. `data` is shown to operators: facts only, never a secret or a hash of one. */
export interface AuditEntry {
  action: string;
  actor: Actor;
  workspaceId: string | null;
  environment?: string | null;
  targetId: string | null;
  data?: Record<string, unknown>;
}

export const systemActor: Actor = { kind: 'system', id: null, requestId: null, address: null };

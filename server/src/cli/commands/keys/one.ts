import { idInPath } from '../../ids.ts';
import type { PositionalSpecs } from '../../specs.ts';

/** For commands about one key. */
export const keyPositional = {
  id: { value: 'ID', description: 'The id of the key, key_…' },
} as const satisfies PositionalSpecs;

/** `/v1/api-keys/{id}`. Throws `UsageError` when the text is no id. */
export function keyPath(id: string, commandPath: string): string {
  return `/v1/api-keys/${idInPath('api_key', id, commandPath)}`;
}

/** `workspace_id` of a body or query. */
export function inWorkspace(workspace: string | undefined): { workspace_id?: string } {
  return workspace === undefined ? {} : { workspace_id: workspace };
}

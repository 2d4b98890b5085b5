import { idInPath } from '../../ids.ts';
import type { PositionalSpecs } from '../../specs.ts';

/** For commands about one application. */
export const applicationPositional = {
  id: { value: 'ID', description: 'The id of the application, app_…' },
} as const satisfies PositionalSpecs;

/** `/v1/applications/{id}`. Throws `UsageError` when the text is no id. */
export function applicationPath(id: string, commandPath: string): string {
  return `/v1/applications/${idInPath('application', id, commandPath)}`;
}

/** `workspace_id` of a body or query. */
export function inWorkspace(workspace: string | undefined): { workspace_id?: string } {
  return workspace === undefined ? {} : { workspace_id: workspace };
}

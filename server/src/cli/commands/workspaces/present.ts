import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { idInPath } from '../../ids.ts';
import type { PositionalSpecs } from '../../specs.ts';
import type { Cell, Column } from '../../table.ts';

/** A workspace as the API writes it. */
export interface WorkspaceJson {
  id: string;
  name: string;
  state: string;
  external_id: string | null;
  metadata: Record<string, string>;
  plan: string | null;
  limits: { per_hour: number | null; per_second: number | null } | null;
  pooled: boolean;
  require_second_factor: boolean;
  created_at: string;
}

export const workspacePositional = {
  id: { value: 'ID', description: 'The id of the workspace, ws_…' },
} as const satisfies PositionalSpecs;

/** `/v1/workspaces/{id}`. Throws `UsageError` when the text is no id. */
export function workspacePath(id: string, commandPath: string): string {
  return `/v1/workspaces/${idInPath('workspace', id, commandPath)}`;
}

export function workspaceColumns({ style }: Pick<Context, 'style'>): Column<WorkspaceJson>[] {
  return [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    {
      title: 'STATE',
      value: ({ state }) => state,
      style: (text, { state }) => (state === 'active' ? style.good(text) : style.bad(text)),
    },
    { title: 'PLAN', value: ({ plan }) => plan },
    { title: 'EXTERNAL ID', value: ({ external_id }) => external_id },
    { title: 'CREATED', value: ({ created_at }) => created_at },
  ];
}

function fieldsOf(workspace: WorkspaceJson): [string, Cell][] {
  const { limits } = workspace;
  const metadata = Object.entries(workspace.metadata).map(([name, value]) => `${name}=${value}`);
  const fields: [string, Cell][] = [
    ['id', workspace.id],
    ['name', workspace.name],
    ['state', workspace.state],
    ['external id', workspace.external_id],
    ['plan', workspace.plan],
    ['limits', limits && `${limits.per_hour ?? 'any'}/hour, ${limits.per_second ?? 'any'}/second`],
    ['pooled', workspace.pooled ? 'yes' : null],
    ['second factor', workspace.require_second_factor ? 'required' : null],
    ['metadata', metadata.join(' ')],
    ['created', workspace.created_at],
  ];
  return fields.filter(([, value]) => value !== null && value !== '');
}

/** As fields, or as the API's JSON. */
export function showWorkspace(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  if (json) context.out(`${reply.text.trimEnd()}\n`);
  else context.fields(fieldsOf(reply.json as WorkspaceJson));
}

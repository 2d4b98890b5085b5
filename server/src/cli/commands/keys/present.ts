import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import type { SecretPlace } from '../../new-secret.ts';
import { plainText } from '../../style.ts';
import type { Cell, Column } from '../../table.ts';
import { toMinute } from '../../times.ts';

/** A key as the API writes it. */
export interface KeyJson {
  id: string;
  name: string;
  type: string;
  environment: string;
  workspace_id: string;
  owner: string | null;
  scopes: string[];
  hint: string;
  state: string;
  created_at: string;
  created_by: string;
  expires_at: string | null;
  rotate_after: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
  ip_allowlist: string[] | null;
  plan: string | null;
  limits: { per_hour: number | null; per_second: number | null } | null;
  quota: { limit: number; period: string } | null;
  external_id: string | null;
  metadata: Record<string, string> | null;
  all_workspaces?: boolean;
  previous?: { id: string; expires_at: string | null };
  successor_id?: string;
  key?: string;
}

const STATE_STYLES = { active: 'good', disabled: 'warn', expired: 'bad', revoked: 'bad' } as const;

/** The columns of `keys list`. */
export function keyColumns({ style }: Pick<Context, 'style'>): Column<KeyJson>[] {
  return [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'ENVIRONMENT', value: ({ environment }) => environment },
    {
      title: 'STATE',
      value: ({ state }) => state,
      style: (text, { state }) => style[STATE_STYLES[state as keyof typeof STATE_STYLES] ?? 'dim'](text),
    },
    { title: 'HINT', value: ({ hint }) => hint, isWhole: true },
    { title: 'EXPIRES', value: ({ expires_at }) => toMinute(expires_at), isWhole: true },
    { title: 'LAST USED', value: ({ last_used_at }) => toMinute(last_used_at), isWhole: true },
    { title: 'SCOPES', value: ({ scopes }) => scopes.join(' ') },
  ];
}

const list = (texts: readonly string[] | null) => (texts === null ? null : texts.join(' '));
const pairs = (record: Record<string, string> | null) =>
  record === null
    ? null
    : Object.entries(record)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ');

function limitsCell(limits: KeyJson['limits']): Cell {
  if (!limits) return null;
  return `${limits.per_hour ?? 'any'}/hour, ${limits.per_second ?? 'any'}/second`;
}

export function keyFields(key: KeyJson): [string, Cell][] {
  const fields: [string, Cell][] = [
    ['id', key.id],
    ['name', key.name],
    ['type', key.type],
    ['environment', key.environment],
    ['state', key.state],
    ['workspace', key.workspace_id],
    ['owner', key.owner],
    ['scopes', list(key.scopes)],
    ['hint', key.hint],
    ['created', key.created_at],
    ['created by', key.created_by],
    ['expires', key.expires_at],
    ['rotate after', key.rotate_after],
    ['last used', key.last_used_at],
    ['revoked', key.revoked_at],
    ['allowed addresses', list(key.ip_allowlist)],
    ['plan', key.plan],
    ['limits', limitsCell(key.limits)],
    ['quota', key.quota && `${key.quota.limit}/${key.quota.period}`],
    ['external id', key.external_id],
    ['metadata', pairs(key.metadata)],
  ];
  if (key.all_workspaces) fields.push(['all workspaces', 'yes']);
  if (key.previous) fields.push(['replaces', `${key.previous.id}, which works until ${key.previous.expires_at}`]);
  if (key.successor_id) fields.push(['replaced by', key.successor_id]);
  return fields.filter(([, value]) => value !== null && value !== '');
}

/** A key that has no secret in it, as fields or as the API's JSON. */
export function showKey(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  if (json) context.out(`${reply.text.trimEnd()}\n`);
  else context.fields(keyFields(reply.json as KeyJson));
}

/** A key with its secret: kept where `place` says, and shown only where it may be. */
export function showNewKey(
  context: Pick<Context, 'out' | 'err' | 'fields' | 'style' | 'json'>,
  reply: ApiReply,
  place: SecretPlace,
  json: boolean,
): void {
  const { key: secret = '', ...rest } = reply.json as KeyJson;
  place.keep(secret);
  if (json) {
    if (place.isShown) context.out(`${reply.text.trimEnd()}\n`);
    else {
      context.json(rest);
      context.err('The field "key" was left out: --show-secret prints it.\n');
    }
    return;
  }
  context.fields(keyFields(rest));
  if (!place.isShown) return;
  context.out(`\nThe key itself, shown only now:\n\n  ${context.style.bold(plainText(secret))}\n`);
}

import { UsageError } from '../../refusal.ts';
import type { OptionSpecs, OptionValues } from '../../specs.ts';

/** For commands about the keys of one workspace. */
export const workspaceOption = {
  workspace: { type: 'text', value: 'ID', description: 'Whose keys; needed by the root key when there are several' },
} as const satisfies OptionSpecs;

export const environmentChoices = ['test', 'live'] as const;

/** What a new key and a changed one may both say. */
export const settableOptions = {
  'expires-in': { type: 'text', value: 'DURATION', description: 'End after this long, such as 90d' },
  'expires-at': { type: 'text', value: 'TIME', description: 'End at this time (RFC 3339)' },
  'rotate-after': { type: 'text', value: 'DURATION', description: 'A reminder to rotate it' },
  owner: { type: 'text', value: 'OWNER', description: 'For whom it speaks: a label, or the usr_… of a member' },
  'allow-ip': { type: 'list', value: 'CIDR', description: 'Accept it from these addresses only' },
  plan: { type: 'text', value: 'PLAN', description: 'Its plan of limits' },
  'per-hour': { type: 'number', value: 'N', description: 'Its own limit per hour', min: 1, max: 1_000_000_000 },
  'per-second': { type: 'number', value: 'N', description: 'Its own limit per second', min: 1, max: 1_000_000_000 },
  quota: { type: 'text', value: 'N/PERIOD', description: 'How often it may be used per hour, day, month or in total' },
  'external-id': { type: 'text', value: 'ID', description: 'Your own id; unique in the workspace' },
  metadata: { type: 'list', value: 'NAME=TEXT', description: 'Something to remember with it' },
} as const satisfies OptionSpecs;

type Settable = OptionValues<typeof settableOptions>;

function quotaOf(text: string, path: string): { limit: number; period: string } {
  const [, limit, period = ''] = /^(\d{1,13})\/(hour|day|month|total)$/.exec(text) ?? [];
  if (limit === undefined)
    throw new UsageError('--quota looks like 100000/month: a number, and hour, day, month or total', path);
  return { limit: Number(limit), period };
}

/** `NAME=TEXT`, any number of times. */
export function metadataOf(entries: readonly string[], path: string): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      if (at < 1) throw new UsageError('--metadata looks like team=billing', path);
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

/** `limits` of a body; undefined when none was given. */
export function limitsOf(options: Pick<Settable, 'per-hour' | 'per-second'>) {
  const { 'per-hour': perHour, 'per-second': perSecond } = options;
  if (perHour === undefined && perSecond === undefined) return undefined;
  return {
    ...(perHour === undefined ? {} : { per_hour: perHour }),
    ...(perSecond === undefined ? {} : { per_second: perSecond }),
  };
}

/** The fields of a body that were given; those that were not are left out. */
export function settableBody(options: Settable, path: string): Record<string, unknown> {
  if (options['expires-in'] !== undefined && options['expires-at'] !== undefined) {
    throw new UsageError('--expires-in and --expires-at: give one of them', path);
  }
  const fields = {
    expires_in: options['expires-in'],
    expires_at: options['expires-at'],
    rotate_after: options['rotate-after'],
    owner: options.owner,
    ip_allowlist: options['allow-ip'].length > 0 ? options['allow-ip'] : undefined,
    plan: options.plan,
    limits: limitsOf(options),
    quota: options.quota === undefined ? undefined : quotaOf(options.quota, path),
    external_id: options['external-id'],
    metadata: options.metadata.length > 0 ? metadataOf(options.metadata, path) : undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

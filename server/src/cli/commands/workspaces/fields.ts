import type { OptionSpecs, OptionValues } from '../../specs.ts';
import { limitsOf, metadataOf, settableOptions } from '../keys/fields.ts';

/** What a new workspace and a changed one may both say. */
export const workspaceOptions = {
  'external-id': { ...settableOptions['external-id'], description: 'Your own id; unique' },
  plan: { ...settableOptions.plan, description: 'For keys that have no plan of their own' },
  'per-hour': { ...settableOptions['per-hour'], description: 'Own limit per hour, before that of any plan' },
  'per-second': { ...settableOptions['per-second'], description: 'Own limit per second, before that of any plan' },
  'second-factor': {
    type: 'text',
    value: 'RULE',
    description: 'Whether its people need a second factor to act in it',
    choices: ['required', 'optional'],
  },
  metadata: settableOptions.metadata,
} as const satisfies OptionSpecs;

/** The fields of a body that were given; those that were not are left out. */
export function workspaceBody(options: OptionValues<typeof workspaceOptions>, path: string): Record<string, unknown> {
  const rule = options['second-factor'];
  const fields = {
    require_second_factor: rule === undefined ? undefined : rule === 'required',
    external_id: options['external-id'],
    plan: options.plan,
    limits: limitsOf(options),
    metadata: options.metadata.length > 0 ? metadataOf(options.metadata, path) : undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

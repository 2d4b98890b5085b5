import type { OptionSpecs, OptionValues } from '../../specs.ts';
import { metadataOf, settableOptions } from '../keys/fields.ts';

/** What a new user and a changed one may both say. */
export const userOptions = {
  name: { type: 'text', value: 'NAME', description: 'What the person is called' },
  'email-verified': {
    type: 'text',
    value: 'YES',
    description: 'Whether the address is known to be theirs (root key)',
    choices: ['yes', 'no'],
  },
  'external-id': settableOptions['external-id'],
  metadata: { ...settableOptions.metadata, description: 'Something that the workspace notes with the person' },
} as const satisfies OptionSpecs;

/** The fields of a body that were given; those that were not are left out. */
export function userBody(options: OptionValues<typeof userOptions>, path: string): Record<string, unknown> {
  const isVerified = options['email-verified'];
  const fields = {
    name: options.name,
    email_verified: isVerified === undefined ? undefined : isVerified === 'yes',
    external_id: options['external-id'],
    metadata: options.metadata.length > 0 ? metadataOf(options.metadata, path) : undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

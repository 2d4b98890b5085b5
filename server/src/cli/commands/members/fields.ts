import type { OptionSpecs } from '../../specs.ts';

/** What somebody may be in a workspace, from the most to the least. */
export const ROLES = ['owner', 'admin', 'developer', 'viewer'] as const;

export const roleOption = { type: 'text', value: 'ROLE', description: 'As what', choices: ROLES } as const;

/** For commands about who is in one workspace. */
export const ofWorkspace = {
  workspace: {
    type: 'text',
    value: 'ID',
    description: 'Which workspace; needed by the root key when there are several',
  },
} as const satisfies OptionSpecs;

// The one registry: what the load is made of. A later domain adds its operations here, and its check in ../checks/index.ts.
import type { Operation } from '../lane.ts';
import { applicationOperations } from './applications.ts';
import { consentOperations } from './consents.ts';
import { factorOperations } from './factors.ts';
import { importOperations } from './imports.ts';
import { keyOperations } from './keys.ts';
import { loginOperations } from './logins.ts';
import { memberOperations } from './members.ts';
import { oauthTokenOperations } from './oauth-tokens.ts';
import { peopleOperations } from './people.ts';
import { quotaOperations } from './quotas.ts';
import { repetitionOperations } from './repetitions.ts';
import { signingKeyOperations } from './signing-keys.ts';
import { workspaceOperations } from './workspaces.ts';

export const OPERATIONS: readonly Operation[] = [
  ...keyOperations,
  ...quotaOperations,
  ...importOperations,
  ...workspaceOperations,
  ...peopleOperations,
  ...loginOperations,
  ...factorOperations,
  ...memberOperations,
  ...applicationOperations,
  ...consentOperations,
  ...oauthTokenOperations,
  ...signingKeyOperations,
  ...repetitionOperations,
];

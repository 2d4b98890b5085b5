// The one registry: what the load is made of. A later domain adds its operations here, and its check in ../checks/index.ts.
import type { Operation } from '../lane.ts';
import { importOperations } from './imports.ts';
import { keyOperations } from './keys.ts';
import { quotaOperations } from './quotas.ts';
import { repetitionOperations } from './repetitions.ts';
import { workspaceOperations } from './workspaces.ts';

export const OPERATIONS: readonly Operation[] = [
  ...keyOperations,
  ...quotaOperations,
  ...importOperations,
  ...workspaceOperations,
  ...repetitionOperations,
];

// Boundary: the commands about applications. How they are registered and changed is decided by the server.
import { applicationsCreate } from './create.ts';
import { applicationsDelete } from './delete.ts';
import { applicationsDisable } from './disable.ts';
import { applicationsEnable } from './enable.ts';
import { applicationsGet } from './get.ts';
import { applicationsList } from './list.ts';
import { applicationSecretsCreate } from './secrets-create.ts';
import { applicationSecretsDelete } from './secrets-delete.ts';
import { applicationSecretsList } from './secrets-list.ts';
import { applicationsUpdate } from './update.ts';

export const applicationCommands = [
  applicationsCreate,
  applicationsList,
  applicationsGet,
  applicationsUpdate,
  applicationsDisable,
  applicationsEnable,
  applicationsDelete,
  applicationSecretsCreate,
  applicationSecretsList,
  applicationSecretsDelete,
];

import type { Command } from '../command.ts';
import { applicationCommands } from './applications/index.ts';
import { auditExport } from './audit/export.ts';
import { auditTail } from './audit/tail.ts';
import { auditVerify } from './audit/verify.ts';
import { backupCommand } from './backup/backup.ts';
import { restoreCommand } from './backup/restore.ts';
import { plansCreate } from './catalogue/plans-create.ts';
import { plansDelete } from './catalogue/plans-delete.ts';
import { plansGet } from './catalogue/plans-get.ts';
import { plansList } from './catalogue/plans-list.ts';
import { plansUpdate } from './catalogue/plans-update.ts';
import { scopesCreate } from './catalogue/scopes-create.ts';
import { scopesDelete } from './catalogue/scopes-delete.ts';
import { scopesGet } from './catalogue/scopes-get.ts';
import { scopesList } from './catalogue/scopes-list.ts';
import { scopesUpdate } from './catalogue/scopes-update.ts';
import { whoami } from './catalogue/whoami.ts';
import { contextAdd } from './context/add.ts';
import { contextList } from './context/list.ts';
import { contextRemove } from './context/remove.ts';
import { contextUse } from './context/use.ts';
import { keysActivity } from './keys/activity.ts';
import { keysCreate } from './keys/create.ts';
import { keysDelete } from './keys/delete.ts';
import { keysGet } from './keys/get.ts';
import { keysImport } from './keys/import.ts';
import { keysList } from './keys/list.ts';
import { keysRevoke } from './keys/revoke.ts';
import { keysRotate } from './keys/rotate.ts';
import { keysUpdate } from './keys/update.ts';
import { keysVerify } from './keys/verify.ts';
import { resourceCommands } from './resources/index.ts';
import { scanCommand } from './scan/scan.ts';
import { secretsGenerate } from './secrets/generate.ts';
import { secretsRotate } from './secrets/rotate.ts';
import { secretsStatus } from './secrets/status.ts';
import { doctor } from './server/doctor.ts';
import { migrate } from './server/migrate.ts';
import { serve } from './server/serve.ts';
import { completion } from './shell/completion.ts';
import { help } from './shell/help.ts';
import { version } from './shell/version.ts';
import { trustedIssuerCommands } from './trusted-issuers/index.ts';
import { workspacesCreate } from './workspaces/create.ts';
import { workspacesGet } from './workspaces/get.ts';
import { workspacesList } from './workspaces/list.ts';
import { workspacesResume } from './workspaces/resume.ts';
import { workspacesSuspend } from './workspaces/suspend.ts';
import { workspacesUpdate } from './workspaces/update.ts';

const installation = [serve, migrate, doctor, backupCommand, restoreCommand, auditVerify, auditTail, auditExport];
const secrets = [secretsGenerate, secretsRotate, secretsStatus, scanCommand];
const keys = [
  keysCreate,
  keysList,
  keysGet,
  keysUpdate,
  keysRotate,
  keysRevoke,
  keysDelete,
  keysVerify,
  keysActivity,
  keysImport,
];
const workspaces = [
  workspacesCreate,
  workspacesList,
  workspacesGet,
  workspacesUpdate,
  workspacesSuspend,
  workspacesResume,
];
const scopes = [scopesList, scopesGet, scopesCreate, scopesUpdate, scopesDelete];
const plans = [plansList, plansGet, plansCreate, plansUpdate, plansDelete];
const contexts = [contextAdd, contextList, contextUse, contextRemove, whoami];

/** Every command, in the order in which help shows them. */
export const COMMANDS: readonly Command[] = [
  ...installation,
  ...secrets,
  ...keys,
  ...applicationCommands,
  ...trustedIssuerCommands,
  ...workspaces,
  ...resourceCommands,
  ...scopes,
  ...plans,
  ...contexts,
  completion,
  help,
  version,
];

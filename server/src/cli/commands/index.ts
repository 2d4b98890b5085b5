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
import { grantsGet } from './grants/get.ts';
import { grantsList } from './grants/list.ts';
import { grantsRevoke } from './grants/revoke.ts';
import { invitationsCreate } from './invitations/create.ts';
import { invitationsGet } from './invitations/get.ts';
import { invitationsList } from './invitations/list.ts';
import { invitationsRevoke } from './invitations/revoke.ts';
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
import { membersAdd } from './members/add.ts';
import { membersGet } from './members/get.ts';
import { membersList } from './members/list.ts';
import { membersRemove } from './members/remove.ts';
import { membersUpdate } from './members/update.ts';
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
import { signingKeysGet } from './signing-keys/get.ts';
import { signingKeysList } from './signing-keys/list.ts';
import { signingKeysRotate } from './signing-keys/rotate.ts';
import { trustedIssuerCommands } from './trusted-issuers/index.ts';
import { usersCreate } from './users/create.ts';
import { usersDelete } from './users/delete.ts';
import { usersDisable } from './users/disable.ts';
import { usersEnable } from './users/enable.ts';
import { usersGet } from './users/get.ts';
import { usersList } from './users/list.ts';
import { usersMe } from './users/me.ts';
import { usersResetFactors } from './users/reset-factors.ts';
import { usersUpdate } from './users/update.ts';
import { workspacesCreate } from './workspaces/create.ts';
import { workspacesGet } from './workspaces/get.ts';
import { workspacesList } from './workspaces/list.ts';
import { workspacesResume } from './workspaces/resume.ts';
import { workspacesSuspend } from './workspaces/suspend.ts';
import { workspacesUpdate } from './workspaces/update.ts';

const inGroup = (group: string, commands: readonly Command[]): Command[] =>
  commands.map((command) => ({ ...command, group }));

const server = inGroup('Run the server', [
  serve,
  migrate,
  doctor,
  backupCommand,
  restoreCommand,
  secretsGenerate,
  secretsRotate,
  secretsStatus,
]);
const watching = inGroup('See what happened', [auditVerify, auditTail, auditExport, scanCommand]);
const keys = inGroup('API keys', [
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
]);
const people = inGroup('People', [
  usersCreate,
  usersList,
  usersGet,
  usersMe,
  usersUpdate,
  usersResetFactors,
  usersDisable,
  usersEnable,
  usersDelete,
  membersList,
  membersGet,
  membersAdd,
  membersUpdate,
  membersRemove,
  invitationsCreate,
  invitationsList,
  invitationsGet,
  invitationsRevoke,
]);
const installation = inGroup('Workspaces and catalogues', [
  workspacesCreate,
  workspacesList,
  workspacesGet,
  workspacesUpdate,
  workspacesSuspend,
  workspacesResume,
  ...resourceCommands,
  scopesList,
  scopesGet,
  scopesCreate,
  scopesUpdate,
  scopesDelete,
  plansList,
  plansGet,
  plansCreate,
  plansUpdate,
  plansDelete,
]);
const applications = inGroup('Applications', [
  ...applicationCommands,
  grantsList,
  grantsGet,
  grantsRevoke,
  ...trustedIssuerCommands,
]);
const signing = inGroup('Signing keys', [signingKeysList, signingKeysGet, signingKeysRotate]);
const here = inGroup('The command line itself', [
  contextAdd,
  contextList,
  contextUse,
  contextRemove,
  whoami,
  completion,
  help,
  version,
]);

/** Every command, in the order in which help shows them. */
export const COMMANDS: readonly Command[] = [
  ...server,
  ...watching,
  ...keys,
  ...applications,
  ...people,
  ...installation,
  ...signing,
  ...here,
];

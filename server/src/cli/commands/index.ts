import type { Command } from '../command.ts';
import { auditVerify } from './audit/verify.ts';
import { backupCommand } from './backup/backup.ts';
import { restoreCommand } from './backup/restore.ts';
import { scanCommand } from './scan/scan.ts';
import { secretsGenerate } from './secrets/generate.ts';
import { secretsRotate } from './secrets/rotate.ts';
import { secretsStatus } from './secrets/status.ts';
import { migrate } from './server/migrate.ts';
import { serve } from './server/serve.ts';
import { help } from './shell/help.ts';
import { version } from './shell/version.ts';

/** Every command, in the order in which help shows them. */
export const COMMANDS: readonly Command[] = [
  serve,
  migrate,
  auditVerify,
  backupCommand,
  restoreCommand,
  scanCommand,
  secretsGenerate,
  secretsRotate,
  secretsStatus,
  help,
  version,
];

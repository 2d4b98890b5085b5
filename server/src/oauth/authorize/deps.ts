import type { Applications } from '../../applications/index.ts';
import type { RecordAudit } from '../../audit/index.ts';
import type { Clock } from '../../clock.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import type { Database } from '../../database/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import type { Grants } from '../consent/index.ts';
import type { Codes } from './codes.ts';
import type { StepFacts } from './steps/index.ts';

/** What the authorization endpoint stands on. */
export interface AuthorizeDeps extends StepFacts {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
  catalogue: ScopeCatalogue;
  applications: Pick<Applications, 'find' | 'peek'>;
  grants: Grants;
  recordAudit: RecordAudit;
  codes: Codes;
  /** Whether a workspace is the operator's own. */
  isFirstWorkspace(workspaceId: string): Promise<boolean>;
  isMember(workspaceId: string, userId: string): Promise<boolean>;
  issuer(): string;
  /** Hears of each request that has its answer: `code`, or the error's code, whoever was told. */
  onAnswered(answered: { outcome: string }): void;
  /** Counts a request that is to be stored for a stranger. Throws `rate_limit_exceeded`. */
  countRequest(address: string): Promise<unknown>;
}

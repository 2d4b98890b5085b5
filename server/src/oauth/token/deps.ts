import type { Identity } from '../../accounts/index.ts';
import type { Application, AuthenticatedClient, ClientRequest } from '../../applications/index.ts';
import type { RecordAudit } from '../../audit/index.ts';
import type { Clock } from '../../clock.ts';
import type { Database, Tx } from '../../database/index.ts';
import type { FormCall } from '../../http/index.ts';
import type { Limiter } from '../../limits/index.ts';
import type { Resources } from '../../resources/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import type { SigningKeys } from '../../signing-keys/index.ts';
import type { TokenPair, Tokens } from '../../tokens/index.ts';
import type { Assertions } from '../../trusted-issuers/index.ts';
import type { Codes } from '../authorize/index.ts';
import type { Grants } from '../consent/index.ts';

/** What the token endpoint stands on. */
export interface TokenDeps {
  database: Database;
  clock: Clock;
  tokens: Tokens;
  signingKeys: Pick<SigningKeys, 'signer'>;
  resources: Resources;
  catalogue: ScopeCatalogue;
  recordAudit: RecordAudit;
  issuer(): string;
  /** Throws `invalid_client`, `invalid_request`. */
  authenticateClient(request: ClientRequest): Promise<AuthenticatedClient>;
  /** `namedFrom`: as `Applications` has it. */
  findApplication(clientId: string, namedFrom?: string): Promise<Application | null>;
  identityOf(query: Tx['query'], userId: string): Promise<Identity | null>;
  codes: Pick<Codes, 'redeem' | 'noteGiven'>;
  assertions: Assertions;
  /** What users allowed. */
  grants: Pick<Grants, 'byId' | 'noteUsed'>;
  /** The next tokens of a login by password; null where there are no such logins. Throws as `/v1/auth/refresh` does. */
  refreshLogin: ((call: FormCall, refreshToken: string) => Promise<TokenPair>) | null;
  /** Where refusals are counted. */
  limiter: Limiter;
  onAsked(asked: { grantType: string; outcome: string }): void;
}

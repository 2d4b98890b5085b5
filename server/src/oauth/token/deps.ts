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
import type { CodeRedemption, PresentedCode } from '../authorize/code.ts';
import type { Grant as Consent } from '../consent/grant.ts';

/** What a code has given, so that its second use can end it (RFC 6749 §4.1.2). */
export interface GivenByCode {
  codeHash: string;
  familyId: string | null;
  accessTokenId: string;
  accessTokenExpMs: number;
}

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
  findApplication(clientId: string): Promise<Application | null>;
  /** Null for a workspace that is gone. */
  workspaceFacts(id: string): Promise<{ isSuspended: boolean } | null>;
  identityOf(query: Tx['query'], userId: string): Promise<Identity | null>;
  redeemCode(tx: Tx, presented: PresentedCode & { nowMs: number }): Promise<CodeRedemption>;
  noteGiven(tx: Tx, given: GivenByCode): Promise<void>;
  findConsent(query: Tx['query'], grantId: string): Promise<Consent | null>;
  /** The next tokens of a login by password; null where there are no such logins. Throws as `/v1/auth/refresh` does. */
  refreshLogin: ((call: FormCall, refreshToken: string) => Promise<TokenPair>) | null;
  /** Where refusals are counted. */
  limiter: Limiter;
  onAsked(asked: { grantType: string; outcome: string }): void;
}

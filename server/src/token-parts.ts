import { createTokenResolver, type TokenResolver } from './access/index.ts';
import { isPersonDisabled, type Workspaces } from './accounts/index.ts';
import { idTokenAlgorithmsInUse } from './applications/index.ts';
import type { RecordAudit } from './audit/index.ts';
import type { Config } from './config/index.ts';
import type { Envelope } from './crypto/index.ts';
import type { Database } from './database/index.ts';
import type { PlanTable } from './limits/index.ts';
import { createSubjectOf, type OAuthCore } from './oauth-parts.ts';
import type { Scopes } from './scopes/index.ts';
import type { Changes, Live } from './shared-state/index.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys/index.ts';
import type { Surroundings } from './surroundings.ts';
import { createTokens, type Tokens } from './tokens/index.ts';

export interface TokenCore {
  signingKeys: SigningKeys;
  tokens: Tokens;
  tokenResolver: TokenResolver;
}

export interface TokenCoreOptions extends Surroundings {
  config: Config;
  database: Database;
  changes: Changes;
  scopes: Scopes;
  plans: Live<PlanTable>;
  workspaces: Workspaces;
  recordAudit: RecordAudit;
  envelope: Envelope;
  oauth: OAuthCore;
  issuer(): string;
}

/** Keys that sign, tokens, and what the door asks of them. */
export async function createTokenCore(options: TokenCoreOptions): Promise<TokenCore> {
  const { config, database, log, scopes, plans, workspaces, oauth } = options;
  const onError = (err: unknown) => log.error({ err }, 'signing keys or revoked tokens cannot be read');
  const shared = { ...options, onError, catalogue: scopes.catalogue };
  const signingKeys = createSigningKeys(shared);
  const tokens = createTokens({
    ...shared,
    signingKeys,
    encryptionKeys: config.encryptionKeys,
    resourceOf: oauth.resources.byAudience,
  });
  await Promise.all([signingKeys.load(), tokens.load()]);
  const ofResources = oauth.resources.all().map(({ signingAlg }) => signingAlg);
  const algorithms = new Set([...ofResources, ...(await idTokenAlgorithmsInUse(database.read))]);
  await Promise.all([...algorithms].map((algorithm) => signingKeys.prepare(algorithm)));
  const tokenResolver = createTokenResolver({
    ...shared,
    signingKeys,
    tokens,
    plans: plans.current,
    workspaceFacts: workspaces.facts,
    subjectOf: createSubjectOf({
      applications: oauth.applications,
      isPersonDisabled: (userId) => isPersonDisabled(database, userId),
    }),
    isOperator: workspaces.isOperator,
  });
  scopes.onReload(tokenResolver.forget);
  plans.onReload(tokenResolver.forget);
  oauth.resources.onReload(tokenResolver.forget);
  return { signingKeys, tokens, tokenResolver };
}

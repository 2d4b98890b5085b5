import { readSecret } from '@latchkey/protocol';
import { OAuthFailure } from '../../failure.ts';
import type { FormCall, Principal } from '../../http/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import type { AccessTokenClaims, Tokens } from '../../tokens/index.ts';
import { answerOfFamily, answerOfForeign, answerOfKey, answerOfToken, INACTIVE } from './answer.ts';
import { type Belonging, type Caller, type CallerDeps, callerOf, mayKnow } from './caller.ts';

/** A key or access token that works now; see `Inspect` of `access`, which spends a call from it. */
export type LookUp = (question: {
  text: string;
  address: string | null;
  sees(principal: Principal): boolean;
  payer: string;
}) => Promise<Found | null>;

/** `claims` of an access token of ours; null for all else. */
interface Found {
  principal: Principal;
  kind: 'api_key' | 'access_token' | 'foreign_token';
  claims: AccessTokenClaims | null;
}

export interface IntrospectDeps extends CallerDeps {
  catalogue: ScopeCatalogue;
  tokens: Pick<Tokens, 'lookUpRefresh'>;
  lookUp: LookUp;
  issuer(): string;
}

const payerOf = (caller: Caller) =>
  caller.kind === 'application' ? caller.application.id : caller.principal.credentialId;

/** By the token's own form, whatever `token_type_hint` says (RFC 7662 §2.1): a wrong hint cannot hide a token. */
async function answerOf(deps: IntrospectDeps, caller: Caller, text: string, address: string | null): Promise<object> {
  const sees = (belonging: Belonging) => mayKnow(deps.catalogue, caller, belonging);
  if (readSecret(text) === 'refresh_token') {
    const seen = await deps.tokens.lookUpRefresh(text);
    return seen?.isUsable && sees(seen.family) ? answerOfFamily(seen.family, deps.issuer()) : INACTIVE;
  }
  const found = await deps.lookUp({ text, address, sees, payer: payerOf(caller) });
  if (!found) return INACTIVE;
  if (found.claims) return answerOfToken(found.claims);
  const { principal, kind } = found;
  return kind === 'api_key' ? answerOfKey(principal, deps.issuer()) : answerOfForeign(principal);
}

/** RFC 7662: whether a token works at this moment, for who is entitled to know. */
export async function introspect(deps: IntrospectDeps, call: FormCall): Promise<object> {
  const caller = await callerOf(deps, call);
  const text = call.params.get('token');
  if (text === undefined) throw new OAuthFailure('invalid_request', 'token is required.');
  return answerOf(deps, caller, text, call.params.get('ip') ?? null);
}

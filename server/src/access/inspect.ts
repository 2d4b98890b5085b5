import { canonicalAddress } from '../address.ts';
import type { KeyRecord, KeyResolver, KeyUsage } from '../api-keys/index.ts';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import type { AccessTokenClaims } from '../tokens/index.ts';
import { credentialKind } from './credential-kind.ts';
import { refuseAddress, refuseDeadKey } from './decide.ts';
import type { Decision } from './door.ts';
import { type ForeignRecord, refuseDeadForeign } from './foreign-record.ts';
import type { ForeignResolver } from './foreign-resolver.ts';
import { andThen, refuseOverspent, refuseSpending, type Spendable, type Spender } from './spending.ts';
import type { TokenRecord } from './token-record.ts';
import type { TokenResolver } from './token-resolver.ts';

/** A credential that works at this moment. */
export interface Inspected {
  principal: Principal;
  kind: 'api_key' | 'access_token' | 'foreign_token';
  /** Of an access token of ours; null for all else. */
  claims: AccessTokenClaims | null;
}

export interface InspectQuestion {
  text: string;
  /** Where it was presented, for keys that are bound to addresses; null is on no list. */
  address: string | null;
  /** Whether who asks may know of it: nothing is told, and nothing spent, before. */
  sees(principal: Principal): boolean;
  /** Who pays for slow hashes: the one that asks. */
  payer: string;
}

export interface InspectDeps {
  keys: KeyResolver;
  tokens: TokenResolver;
  foreign: ForeignResolver;
  usage: KeyUsage;
  spender: Spender;
  clock: Clock;
  onDecision(decision: Decision): void;
}

type Known =
  | { kind: 'api_key'; record: KeyRecord }
  | { kind: 'access_token'; record: TokenRecord }
  | { kind: 'foreign_token'; record: ForeignRecord };

/** What a credential that is none, is over or is unknown comes to; what is our own fault is no answer about it. */
function nothing(error: unknown): null {
  if (error instanceof Failure && error.status < 500 && error.status !== 429) return null;
  throw error;
}

/**
 * Looks a credential up for somebody else's server, and spends one call from it: never from who asks. Null for what does
 * not work now, and for what is none of their business. Throws `rate_limit_exceeded` and `quota_exceeded` of the credential.
 */
export function createInspect({ keys, tokens, foreign, usage, spender, clock, onDecision }: InspectDeps) {
  const find = async ({ text, payer }: InspectQuestion): Promise<Known | null> => {
    const { kind } = credentialKind({ scheme: 'bearer', text });
    if (kind === 'root') return null;
    if (kind !== 'api_key') {
      const known = tokens.peek(text);
      if (known) return { kind: 'access_token', record: known };
      if (!foreign.isForeign(text)) return { kind: 'access_token', record: await tokens.find(text) };
      return { kind: 'foreign_token', record: foreign.peek(text) ?? (await foreign.find(text)) };
    }
    const paySlow = () => andThen(spender.spendSlowCheck(payer), (spending) => refuseSpending(spending, clock));
    const record = keys.peek(text) ?? (await keys.find(text, paySlow));
    return record && { kind: 'api_key', record };
  };

  const refuseDead = ({ kind, record }: Known, address: string): void | Promise<void> => {
    if (kind === 'access_token') return tokens.refuseEnded(record);
    if (kind === 'foreign_token') return refuseDeadForeign(record, clock.nowMs());
    refuseDeadKey(record, clock.nowMs());
    refuseAddress(record, address);
    usage.touch(record);
  };

  const pay = async (record: Spendable): Promise<void> =>
    refuseOverspent(await spender.spendCredential(record, 1), clock);

  return async (question: InspectQuestion): Promise<Inspected | null> => {
    const address = canonicalAddress(question.address ?? '') ?? '';
    const known = await find(question).catch(nothing);
    if (!known || !question.sees(known.record.principal)) return null;
    const { principal } = known.record;
    const tell = (outcome: Decision['outcome'], code: string) =>
      onDecision({
        ...{ method: principal.method, outcome, code, route: 'introspect', address },
        key: known.kind === 'api_key' ? known.record : null,
      });
    try {
      await refuseDead(known, address);
      await pay(known.record);
    } catch (error) {
      tell('denied', error instanceof Failure ? error.code : 'internal_error');
      return nothing(error);
    }
    tell('allowed', 'ok');
    const { kind } = known;
    return { principal, kind, claims: kind === 'access_token' ? known.record.claims : null };
  };
}

export type Inspect = ReturnType<typeof createInspect>;

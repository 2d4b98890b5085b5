import { isId } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { MAX_JWS_LENGTH, readJsonObject } from '../signing-keys/index.ts';
import { type Assertions, createAssertions } from './assertion.ts';
import type { ForeignDeps, ForeignToken } from './foreign-token.ts';
import { readForeignJwt } from './jws.ts';
import { createLiveIssuers, type LiveIssuersOptions } from './live-issuers.ts';
import { notAccepted, reasonOf } from './refusal.ts';
import { verifySelfIssuedToken } from './self-issued-token.ts';
import { deleteOldAssertions } from './store.ts';
import { verifyTrustedToken } from './trusted-token.ts';

/** JWTs that Latchkey did not make: of trusted issuers, and of applications by themselves. */
export interface TrustedIssuers extends Assertions {
  /** Whether a text says that somebody else has issued it. Proves nothing. */
  isForeign(text: string): boolean;
  /** A credential. Throws `invalid_token`, `token_expired`; `unavailable` while its issuer's keys cannot be read. */
  verifyToken(text: string): Promise<ForeignToken>;
  load(): Promise<void>;
  /** Hears when an issuer has changed: what was verified before may not hold any more. */
  onReload(listener: () => void): void;
  /** Removes used assertions that nobody would accept again; for a job in one process. */
  prune(): Promise<void>;
}

export interface TrustedIssuersOptions extends Omit<ForeignDeps, 'issuers'>, LiveIssuersOptions {
  clock: Clock;
  database: Database;
  /** Hears why a token of a registered issuer, or what claims to be one, was refused. */
  onRefused(reason: string): void;
}

const PRUNE_STEP = 500;
const LONGEST_NAME = 1000;

/** `iss` of a payload that nobody has verified; undefined when there is none. */
function issuerIn(text: string): unknown {
  if (text.length > MAX_JWS_LENGTH) return undefined;
  const [, payload = ''] = text.split('.', 2);
  return readJsonObject(Buffer.from(payload, 'base64url'))?.iss;
}

async function verifyToken(deps: ForeignDeps, text: string): Promise<ForeignToken> {
  const jwt = readForeignJwt(text, 'credential');
  const { iss } = jwt.claims;
  if (typeof iss !== 'string' || iss.length > LONGEST_NAME) throw notAccepted('iss is no text');
  return isId('application', iss) ? verifySelfIssuedToken(deps, jwt, iss) : verifyTrustedToken(deps, jwt, iss);
}

export function createTrustedIssuers(options: TrustedIssuersOptions): TrustedIssuers {
  const { database, clock } = options;
  const live = createLiveIssuers(options);
  const deps: ForeignDeps = { ...options, issuers: live.current };
  const { verifyAssertion, useAssertion } = createAssertions(deps);
  return {
    isForeign: (text) => {
      const iss = issuerIn(text);
      return typeof iss === 'string' && iss !== options.issuer();
    },
    verifyToken: async (text) => {
      try {
        return await verifyToken(deps, text);
      } catch (error) {
        if (error instanceof Failure && error.code === 'invalid_token') options.onRefused(reasonOf(error));
        throw error;
      }
    },
    verifyAssertion: async (text, request) => {
      const result = await verifyAssertion(text, request);
      if (result.outcome === 'refused') options.onRefused(result.reason);
      return result;
    },
    useAssertion,
    load: live.load,
    onReload: live.onReload,
    prune: async () => {
      const nowMs = clock.nowMs();
      while (await database.write((tx) => deleteOldAssertions(tx, nowMs, PRUNE_STEP)));
    },
  };
}

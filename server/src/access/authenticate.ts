import type { KeyRecord, KeyResolver, KeyUsage } from '../api-keys/index.ts';
import type { Clock } from '../clock.ts';
import { secretsEqual } from '../crypto/index.ts';
import { Failure } from '../failure.ts';
import {
  type Access,
  type AuthenticatableRequest,
  type Authenticate,
  type Principal,
  presentedCredential,
} from '../http/index.ts';
import { credentialKind, invalidApiKey } from './credential-kind.ts';
import { refuseBeyondAccess, refuseDeadKey } from './decide.ts';

/** One answer of the door, for whoever counts. */
export interface Decision {
  method: Principal['method'] | 'root' | 'none';
  outcome: 'allowed' | 'denied';
  code: string;
}

export interface AuthenticateOptions {
  clock: Clock;
  keys: KeyResolver;
  usage: KeyUsage;
  rootKeys: readonly string[];
  onDecision(decision: Decision): void;
}

type Guarded = Exclude<Access, 'public'>;

const ROOT: Principal = {
  kind: 'root',
  method: 'api_key',
  credentialId: 'root',
  workspaceId: null,
  environment: null,
  userId: null,
  subject: 'root',
  subjectIssuer: null,
  clientId: null,
  grantedScopes: [],
  scopes: new Set(),
  expiresAtMs: null,
};

/** Every root key is compared, in constant time each. */
function isRootKey(text: string, rootKeys: readonly string[]): boolean {
  return rootKeys.map((key) => secretsEqual(key, text)).includes(true);
}

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/** The peer itself, on this machine; not a proxy that speaks for somebody else. */
function isDirectLoopbackPeer({ socket, headers }: AuthenticatableRequest): boolean {
  const isForwarded = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  return !isForwarded && LOOPBACK.test(socket?.remoteAddress ?? '');
}

/**
 * The door: parse, resolve by kind, decide; there and back once. A warm API key passes without a promise and without
 * the database.
 */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { clock, keys, usage, rootKeys, onDecision } = options;

  const settle = (principal: Principal, access: Guarded): Principal => {
    refuseBeyondAccess(principal, access);
    onDecision({ method: principal.kind === 'root' ? 'root' : principal.method, outcome: 'allowed', code: 'ok' });
    return principal;
  };

  const settleKey = (record: KeyRecord | null, access: Guarded): Principal => {
    if (!record) throw invalidApiKey();
    refuseDeadKey(record, clock.nowMs());
    usage.touch(record.id);
    return settle(record.principal, access);
  };

  const counted = (method: Decision['method'], error: unknown): unknown => {
    const code = error instanceof Failure ? error.code : 'internal_error';
    onDecision({ method, outcome: 'denied', code });
    return error;
  };

  return (request, _address, access) => {
    let method: Decision['method'] = 'none';
    try {
      const { rawHeaders, headers, url = '' } = request;
      const presented = presentedCredential({ rawHeaders, headers, url });
      if (!presented) {
        if (access.loopback && isDirectLoopbackPeer(request)) return ROOT;
        throw new Failure('missing_token', undefined, { noCredential: true });
      }
      const credential = credentialKind(presented);
      if (credential.kind === 'root') {
        method = 'root';
        if (!isRootKey(credential.text, rootKeys)) throw new Failure('invalid_token', 'The root key is not valid.');
        return settle(ROOT, access);
      }
      method = 'api_key';
      const warm = keys.peek(credential.text);
      if (warm) return settleKey(warm, access);
      return keys
        .find(credential.text)
        .then((record) => settleKey(record, access))
        .catch((error) => {
          throw counted('api_key', error);
        });
    } catch (error) {
      throw counted(method, error);
    }
  };
}

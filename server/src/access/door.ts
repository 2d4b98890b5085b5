import type { SessionRecord, SessionResolver } from '../accounts/index.ts';
import type { KeyRecord, KeyResolver, KeyUsage, UsedKey } from '../api-keys/index.ts';
import type { Clock } from '../clock.ts';
import { secretsEqual } from '../crypto/index.ts';
import { Failure } from '../failure.ts';
import {
  type AuthenticatableRequest,
  type Principal,
  presentedCredential,
  presentedSession,
  refuseForgedWrite,
} from '../http/index.ts';
import { limitHeaders } from '../limits/index.ts';
import { credentialKind, invalidApiKey } from './credential-kind.ts';
import { refuseAddress, refuseBlockedSession, refuseDeadKey } from './decide.ts';
import { type ForeignRecord, refuseDeadForeign } from './foreign-record.ts';
import type { ForeignResolver } from './foreign-resolver.ts';
import { andThen, limitExceeded, refuseOverspent, refuseSpending, type Spendable, type Spender } from './spending.ts';
import type { TokenRecord } from './token-record.ts';
import type { TokenResolver } from './token-resolver.ts';

/** One answer of the door, for whoever counts. */
export interface Decision {
  /** `jwt` also for a JWT that could not be read, `oauth` for an opaque token. */
  method: Principal['method'] | 'root' | 'none';
  outcome: 'allowed' | 'denied';
  code: string;
  /** The key, once it is known. */
  key: UsedKey | null;
  route: string;
  address: string;
}

export interface DoorOptions {
  clock: Clock;
  keys: KeyResolver;
  usage: KeyUsage;
  tokens: TokenResolver;
  foreign: ForeignResolver;
  spender: Spender;
  rootKeys: readonly string[];
  sessions: SessionResolver;
  issuer(): string;
  onDecision(decision: Decision): void;
}

/** Who came through, and the headers that the reply owes them. */
export interface Entry {
  principal: Principal;
  headers: Record<string, string> | null;
}

/** One pass through the door. */
export interface Passing {
  request: AuthenticatableRequest;
  address: string;
  route: string;
  /** Whether the caller is charged for it. */
  isFree: boolean;
  /** Whether the route is about the person's own account, which a session reaches whatever its workspace asks. */
  isAccount: boolean;
  /** A peer without credential that is let in all the same. */
  allowsNobody(): boolean;
  /** Refuses a principal that may not; asked before anything is spent. */
  decide(principal: Principal): void;
}

export type Door = (passing: Passing) => Entry | Promise<Entry>;

export const ROOT: Principal = {
  kind: 'root',
  method: 'api_key',
  credentialId: 'root',
  workspaceId: null,
  environment: null,
  userId: null,
  role: null,
  subject: 'root',
  subjectIssuer: null,
  clientId: null,
  audience: null,
  grantedScopes: [],
  scopes: new Set(),
  expiresAtMs: null,
  signIn: null,
  isOperator: true,
  allWorkspaces: true,
};

/** Every root key is compared, in constant time each. */
function isRootKey(text: string, rootKeys: readonly string[]): boolean {
  return rootKeys.map((key) => secretsEqual(key, text)).includes(true);
}

/** A credential that is known: who it is, and what it spends. */
type Holder = Spendable & { readonly principal: Principal };

type Tell = (passing: Passing, trace: Trace, outcome: Decision['outcome'], code: string) => void;

interface Trace {
  method: Decision['method'];
  key: UsedKey | null;
}

/** Of a credential that is valid: the person behind it has to sign in again. */
const isOfNobody = ({ status, code }: Failure) => status === 401 && code !== 'insufficient_user_authentication';

/** Without a valid credential the address pays; with one, a refusal costs nobody anything. */
function createRefuse({ spender, clock }: DoorOptions, tell: Tell) {
  return (error: unknown, passing: Passing, trace: Trace): never | Promise<never> => {
    const code = error instanceof Failure ? error.code : 'internal_error';
    tell(passing, trace, 'denied', code);
    if (!(error instanceof Failure) || !isOfNobody(error)) throw error;
    return andThen(spender.spendAddress(passing.address), (spending): never => {
      if (!spending.allowed) throw limitExceeded(spending, clock);
      error.details.headers = { ...error.details.headers, ...limitHeaders(spending, clock.nowMs()) };
      throw error;
    });
  };
}

type Admit<Found> = (found: Found, passing: Passing, trace: Trace) => Entry | Promise<Entry>;

/** What becomes of a credential once it is known: alive, from here, allowed, paid. */
function createAdmit({ clock, usage, tokens, spender }: DoorOptions, tell: Tell) {
  const payAndEnter: Admit<Holder> = (holder, passing, trace) =>
    andThen(spender.spendCredential(holder, 1), (spending) => {
      refuseOverspent(spending, clock);
      tell(passing, trace, 'allowed', 'ok');
      const headers = spending.limit ? limitHeaders(spending.limit, clock.nowMs()) : null;
      return { principal: holder.principal, headers };
    });

  const decideAndEnter: Admit<Holder> = (holder, passing, trace) => {
    passing.decide(holder.principal);
    if (!passing.isFree) return payAndEnter(holder, passing, trace);
    tell(passing, trace, 'allowed', 'ok');
    return { principal: holder.principal, headers: null };
  };

  const key: Admit<KeyRecord | null> = (record, passing, trace) => {
    if (!record) throw invalidApiKey();
    trace.key = record;
    refuseDeadKey(record, clock.nowMs());
    usage.touch(record);
    refuseAddress(record, passing.address);
    return decideAndEnter(record, passing, trace);
  };

  const token: Admit<TokenRecord> = (record, passing, trace) => {
    trace.method = record.principal.method;
    return andThen(tokens.refuseEnded(record), () => decideAndEnter(record, passing, trace));
  };

  const foreign: Admit<ForeignRecord> = (record, passing, trace) => {
    refuseDeadForeign(record, clock.nowMs());
    return decideAndEnter(record, passing, trace);
  };

  return { key, token, foreign, known: decideAndEnter };
}

/** By the cookie of a signed-in person, where no other credential was presented. */
function createSessionEntry({ sessions, issuer }: DoorOptions, decideAndEnter: Admit<Holder>) {
  const admit: Admit<SessionRecord | null> = (record, passing, trace) => {
    if (!record) throw new Failure('invalid_token', 'The session has ended. Sign in again.');
    refuseForgedWrite(passing.request, issuer());
    if (!passing.isAccount) refuseBlockedSession(record);
    sessions.touch(record, passing.address);
    return decideAndEnter(record, passing, trace);
  };
  return (passing: Passing, trace: Trace): Entry | Promise<Entry> => {
    const text = presentedSession(passing.request.headers.cookie, issuer().startsWith('https:'));
    if (passing.allowsNobody()) return { principal: ROOT, headers: null };
    if (text === undefined) throw new Failure('missing_token', undefined, { noCredential: true });
    trace.method = 'session';
    const warm = sessions.peek(text);
    if (warm) return admit(warm, passing, trace);
    return sessions.find(text).then((record) => admit(record, passing, trace));
  };
}

/**
 * The door: parse, resolve by kind, decide, spend; there and back once. A warm key or token with limits in memory passes
 * without a promise and without the database. Who presents nothing valid spends from their address.
 */
export function createDoor(options: DoorOptions): Door {
  const { clock, keys, tokens, foreign, spender, rootKeys, onDecision } = options;

  const tell: Tell = ({ route, address }, trace, outcome, code) =>
    onDecision({ ...trace, outcome, code, route, address });
  const refuse = createRefuse(options, tell);
  const admit = createAdmit(options, tell);
  const enterBySession = createSessionEntry(options, admit.known);

  const enterRoot = (text: string, passing: Passing, trace: Trace): Entry => {
    if (!isRootKey(text, rootKeys)) throw new Failure('invalid_token', 'The root key is not valid.');
    passing.decide(ROOT);
    tell(passing, trace, 'allowed', 'ok');
    return { principal: ROOT, headers: null };
  };

  const enterByToken = (text: string, passing: Passing, trace: Trace): Entry | Promise<Entry> => {
    const known = tokens.peek(text);
    if (known) return admit.token(known, passing, trace);
    const theirs = foreign.peek(text);
    if (theirs) return admit.foreign(theirs, passing, trace);
    if (foreign.isForeign(text)) return foreign.find(text).then((record) => admit.foreign(record, passing, trace));
    return tokens.find(text).then((record) => admit.token(record, passing, trace));
  };

  const enter = (passing: Passing, trace: Trace): Entry | Promise<Entry> => {
    const { rawHeaders, headers, url = '' } = passing.request;
    const presented = presentedCredential({ rawHeaders, headers, url });
    if (!presented) return enterBySession(passing, trace);
    const { kind, text } = credentialKind(presented);
    trace.method = kind === 'access_token' ? 'oauth' : kind;
    if (kind === 'root') return enterRoot(text, passing, trace);
    if (kind === 'jwt' || kind === 'access_token') return enterByToken(text, passing, trace);
    const warm = keys.peek(text);
    if (warm) return admit.key(warm, passing, trace);
    const paySlow = () => andThen(spender.spendAddress(passing.address), (spending) => refuseSpending(spending, clock));
    return keys.find(text, paySlow).then((record) => admit.key(record, passing, trace));
  };

  return (passing) => {
    const trace: Trace = { method: 'none', key: null };
    try {
      const entry = enter(passing, trace);
      return entry instanceof Promise ? entry.catch((error) => refuse(error, passing, trace)) : entry;
    } catch (error) {
      return refuse(error, passing, trace);
    }
  };
}

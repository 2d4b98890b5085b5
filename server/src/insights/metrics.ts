import { createCounter, createGauge, createHistogram } from './series.ts';

export interface Metrics {
  /** One answer of the door. */
  decided(decision: { method: string; outcome: string; code: string }): void;
  answered(request: { method: string; route: string; status: number; durationSeconds: number }): void;
  /** Whether shared limit counters are lost at the moment. */
  setLimiterDegraded(degraded: boolean): void;
  /** An answer to who asks for tokens; `outcome` is `granted` or the error's code. */
  tokensAsked(grant: { grantType: string; outcome: string }): void;
  /** An authorization request that has its answer: `code`, or the error's code. */
  authorizationAnswered(answered: { outcome: string }): void;
  /** Somebody withdrew what was allowed to an application. */
  grantWithdrawn(): void;
  /** An answer to an application that revoked a token; `none` for what was not there, or was not its own. */
  tokenRevoked(revoked: { tokenType: 'access_token' | 'refresh_token' | 'none' }): void;
  /** An answer to a client that registers itself: `registered`, or the error's code. */
  clientRegistered(registered: { outcome: string }): void;
  /** A document of a client that was asked for. */
  documentRead(read: { outcome: 'read' | 'unusable' | 'unreachable' }): void;
  /** A try to tell an application that a session ended; `dropped`: the last one. */
  logoutSent(sent: { outcome: 'delivered' | 'failed' | 'dropped' }): void;
  /** Values of a table that were sealed anew under the first encryption key. */
  rewrapped(table: string, values: number): void;
  /** Prometheus text exposition. */
  expose(): string;
  contentType: string;
}

const BOUNDS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const STATUS_CLASSES = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** What OAuth's clients ask for. */
function clientSeries() {
  const grants = createCounter('latchkey_token_grants_total', 'Answers to who asked for tokens.', [
    'grant_type',
    'outcome',
  ]);
  const refreshFailures = createCounter('latchkey_refresh_failures_total', 'Refreshes that were refused.', []);
  const revocations = createCounter(
    'latchkey_token_revocations_total',
    'Answers to applications that revoked a token.',
    ['token_type'],
  );
  const registrations = createCounter(
    'latchkey_client_registrations_total',
    'Answers to clients that register themselves.',
    ['outcome'],
  );
  const documents = createCounter('latchkey_client_documents_total', 'Client metadata documents that were asked for.', [
    'outcome',
  ]);
  const authorizations = createCounter(
    'latchkey_authorizations_total',
    'Authorization requests that have their answer: a code, or an error.',
    ['outcome'],
  );
  const withdrawals = createCounter('latchkey_grants_withdrawn_total', 'What people took back from applications.', []);
  const logouts = createCounter('latchkey_backchannel_logouts_total', 'Tries to tell applications of ended sessions.', [
    'outcome',
  ]);
  return { authorizations, grants, refreshFailures, revocations, withdrawals, registrations, documents, logouts };
}

/** The series of contract §11 that exist so far. Labels are patterns and codes, never ids or URLs. */
export function createMetrics(): Metrics {
  const decisions = createCounter('latchkey_auth_decisions_total', 'Answers to "may this credential make this call".', [
    'method',
    'outcome',
    'code',
  ]);
  const forbidden = createCounter('latchkey_forbidden_total', 'Calls refused with 403, by route.', ['route']);
  const durations = createHistogram(
    'latchkey_http_request_duration_seconds',
    'Time from the head of a request to the last byte of its reply.',
    ['method', 'route', 'status'],
    BOUNDS_SECONDS,
  );
  const rewrapped = createCounter(
    'latchkey_sealed_values_rewrapped_total',
    'Values sealed anew under the first encryption key, by table.',
    ['table'],
  );
  const clients = clientSeries();
  let isDegraded = false;
  const degraded = createGauge('latchkey_limiter_degraded', '1 while shared limit counters are lost.', () =>
    isDegraded ? 1 : 0,
  );
  const series = [decisions, forbidden, durations, ...Object.values(clients), rewrapped, degraded];
  return {
    decided: ({ method, outcome, code }) => decisions.add(method, outcome, code),
    answered: ({ method, route, status, durationSeconds }) => {
      durations.observe(durationSeconds, method, route, STATUS_CLASSES[Math.floor(status / 100)] ?? 'other');
      if (status === 403) forbidden.add(route);
    },
    tokensAsked: ({ grantType, outcome }) => {
      clients.grants.add(grantType, outcome);
      if (grantType === 'refresh_token' && outcome !== 'granted') clients.refreshFailures.add('');
    },
    authorizationAnswered: ({ outcome }) => clients.authorizations.add(outcome),
    grantWithdrawn: () => clients.withdrawals.add(''),
    tokenRevoked: ({ tokenType }) => clients.revocations.add(tokenType),
    clientRegistered: ({ outcome }) => clients.registrations.add(outcome),
    documentRead: ({ outcome }) => clients.documents.add(outcome),
    logoutSent: ({ outcome }) => clients.logouts.add(outcome),
    rewrapped: (table, values) => {
      for (let value = 0; value < values; value += 1) rewrapped.add(table);
    },
    setLimiterDegraded: (now) => {
      isDegraded = now;
    },
    expose: () => series.map((one) => one.expose()).join(''),
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  };
}

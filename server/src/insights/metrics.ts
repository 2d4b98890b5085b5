import { Counter, Histogram, Registry } from 'prom-client';

export interface Metrics {
  /** One answer of the door. */
  decided(decision: { method: string; outcome: string; code: string }): void;
  answered(request: { method: string; route: string; status: number; durationSeconds: number }): void;
  /** Prometheus text exposition. */
  expose(): Promise<string>;
  contentType: string;
}

const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Looks a bound child up by its labels once: binding labels on every request costs more than counting. */
function bound<Child>(make: (...labels: string[]) => Child): (...labels: string[]) => Child {
  const children = new Map<string, Child>();
  return (...labels) => {
    const key = labels.join('\n');
    let child = children.get(key);
    if (child === undefined) {
      child = make(...labels);
      children.set(key, child);
    }
    return child;
  };
}

/** The series of contract §11 that exist so far. Labels are patterns and codes, never ids or URLs. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const decisions = new Counter({
    name: 'latchkey_auth_decisions_total',
    help: 'Answers to "may this credential make this call".',
    labelNames: ['method', 'outcome', 'code'],
    registers,
  });
  const forbidden = new Counter({
    name: 'latchkey_forbidden_total',
    help: 'Calls refused with 403, by route.',
    labelNames: ['route'],
    registers,
  });
  const durations = new Histogram({
    name: 'latchkey_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its reply.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS_SECONDS,
    registers,
  });
  const decision = bound((method = '', outcome = '', code = '') => decisions.labels(method, outcome, code));
  const duration = bound((method = '', route = '', status = '') => durations.labels(method, route, status));
  return {
    decided: ({ method, outcome, code }) => decision(method, outcome, code).inc(),
    answered: ({ method, route, status, durationSeconds }) => {
      duration(method, route, `${Math.floor(status / 100)}xx`).observe(durationSeconds);
      if (status === 403) forbidden.labels(route).inc();
    },
    expose: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

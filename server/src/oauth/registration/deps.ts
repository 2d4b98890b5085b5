import type { ApplicationDeps, IdTokenAlgorithm } from '../../applications/index.ts';
import type { Database } from '../../database/index.ts';
import type { Environment, Principal } from '../../http/index.ts';
import type { Limiter } from '../../limits/index.ts';

/** `open`: anybody; `token`: who brings a key that may make applications; `off`: nobody. */
export type RegistrationMode = 'open' | 'token' | 'off';

/** The parts of a call that say who registers, and from where. */
export interface Registrar {
  header(name: string): string | undefined;
  address: string;
  requestId: string;
}

/** What is told when a registration ends. */
export type EndingDeps = Pick<ApplicationDeps, 'changes' | 'recordAudit' | 'endClient'>;

/** What registration stands on. */
export interface RegistrationDeps extends ApplicationDeps {
  database: Database;
  mode: RegistrationMode;
  /** Of those that nobody's key says otherwise for. */
  environment: Environment;
  /** What ID tokens may be signed with; the first unless said. */
  idTokenAlgorithms: readonly IdTokenAlgorithm[];
  /** Counts what strangers make the server store. */
  limiter: Limiter;
  issuer(): string;
  /** The door: who brings a key or token that may make applications. Throws as it does. */
  enter(call: Registrar): Principal | Promise<Principal>;
  onRegistered(registered: { outcome: string }): void;
}

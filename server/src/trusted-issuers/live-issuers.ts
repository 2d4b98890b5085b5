import type { Envelope } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { type Changes, createLive, type Live } from '../shared-state/index.ts';
import { type TrustedIssuer, toIssuer } from './issuer.ts';
import { allIssuers } from './store.ts';

export const ISSUERS_CHANGE = { kind: 'trusted_issuers' } as const;

/** All trusted issuers, by what `iss` says. */
export type IssuerTable = ReadonlyMap<string, readonly TrustedIssuer[]>;

export interface LiveIssuersOptions {
  database: Database;
  changes: Changes;
  envelope: Envelope;
  onError(error: unknown): void;
}

async function readTable({ database, envelope, onError }: LiveIssuersOptions): Promise<IssuerTable> {
  const table = new Map<string, TrustedIssuer[]>();
  for (const row of await allIssuers(database.read)) {
    try {
      const issuer = toIssuer(row, envelope);
      table.set(issuer.issuer, [...(table.get(issuer.issuer) ?? []), issuer]);
    } catch (error) {
      // One secret that does not open ends the tokens of one issuer, not of all.
      onError(error);
    }
  }
  return table;
}

export function createLiveIssuers(options: LiveIssuersOptions): Live<IssuerTable> {
  const { changes, onError } = options;
  const read = () => readTable(options);
  return createLive<IssuerTable>({ changes, kind: ISSUERS_CHANGE.kind, initial: new Map(), read, onError });
}

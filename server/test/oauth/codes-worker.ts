// One process of several on one PostgreSQL database, started by `run-together.ts`: redeems one code many times at once.
import { once } from 'node:events';
import { systemActor } from '../../src/audit/index.ts';
import { systemClock } from '../../src/clock.ts';
import { compose, openDatabase } from '../../src/compose.ts';
import { readConfig } from '../../src/config/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { createLog } from '../../src/log.ts';
import { codesOf, REDIRECT, VERIFIER, verdictOf } from './authorizing.ts';

export interface CodesWork {
  url: string;
  dataDir: string;
  calls: number;
  clientId: string;
  text: string;
}

export interface CodesResult {
  answers: string[];
}

const randomBytes = pooledRandom();
const work = JSON.parse(process.argv[2] ?? '') as CodesWork;
const env = {
  PORT: '0',
  LATCHKEY_DATA_DIR: work.dataDir,
  LATCHKEY_DATABASE_URL: work.url,
  LATCHKEY_ISSUER: 'http://localhost:4000',
};
const { config } = readConfig(env, work.dataDir, randomBytes);
const log = createLog('error', process.stderr);
const database = openDatabase(config, log);
const latchkey = await compose(config, { clock: systemClock, randomBytes, log, version: 'test' }, database);
const codes = codesOf({ latchkey, clock: systemClock });
const presented = {
  text: work.text,
  clientId: work.clientId,
  redirectUri: REDIRECT,
  verifier: VERIFIER,
  actor: systemActor,
};

/** As the token endpoint: what is redeemed gives a token in the same transaction. */
const redeem = () =>
  database.write(async (tx) => {
    const found = await codes.redeem(tx, presented);
    if (found.outcome === 'redeemed') {
      const { codeHash } = found.code;
      const accessTokenExpMs = systemClock.nowMs() + 900_000;
      await codes.noteGiven(tx, { codeHash, familyId: null, accessTokenId: 'tok_1', accessTokenExpMs });
    }
    return verdictOf(found);
  });

process.stdout.write('ready\n');
await once(process.stdin, 'data');
const answers = await Promise.all(Array.from({ length: work.calls }, redeem));
process.stdout.write(`${JSON.stringify({ answers } satisfies CodesResult)}\n`);
await database.close();

import {
  accountRoutes,
  createGuesses,
  createKeptPost,
  createOutbox,
  createSmtpPost,
  devMailRoute,
  entryRoutes,
  factorRoutes,
  memberRoutes,
  type People,
  type Post,
  passkeyRoutes,
  pruneAccounts,
  type SessionResolver,
  type SlowHashes,
  userRoutes,
} from './accounts/index.ts';
import type { RecordAudit } from './audit/index.ts';
import type { Config } from './config/index.ts';
import { createEnvelope, deriveKey, macKey } from './crypto/index.ts';
import type { Database } from './database/index.ts';
import type { Cursors, Principal, Route } from './http/index.ts';
import type { Jobs } from './jobs/index.ts';
import type { Limiter } from './limits/index.ts';
import { type ComposedPages, composePages, type OAuthForPages } from './pages/index.ts';
import type { ScopeCatalogue } from './scopes/index.ts';
import type { Changes } from './shared-state/index.ts';
import type { Surroundings } from './surroundings.ts';
import type { Tokens } from './tokens/index.ts';

export interface PeopleOptions {
  config: Config;
  surroundings: Surroundings;
  database: Database;
  changes: Changes;
  catalogue: ScopeCatalogue;
  recordAudit: RecordAudit;
  sessions: SessionResolver;
  slowHashes: SlowHashes;
  guesses: Limiter;
  cursors: Cursors;
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
  issuer(): string;
  tokens: Pick<Tokens, 'raiseWatermark'>;
  oauth: OAuthForPages;
  endGrants: People['endGrants'];
  sessionEnds: People['sessionEnds'];
}

/** The people of this installation: their verbs' surroundings, their routes and their periodic work. */
export interface ComposedPeople {
  people: People;
  routes: Route[];
  pages: ComposedPages;
  addJobs(jobs: Jobs): void;
  close(): void;
}

/** Until there is a server to send by, mails wait in the outbox. */
const waitingPost: Post = {
  send: async () => {
    throw new Error('LATCHKEY_SMTP_URL is not set, so mails wait');
  },
  close: () => {},
};

function postOf({ smtpUrl, mailFrom, mode }: Config, kept: Post): Post {
  if (smtpUrl !== null) return createSmtpPost({ url: smtpUrl, from: mailFrom });
  return mode === 'development' ? kept : waitingPost;
}

/** What ends the tokens of people, their logins, or only what they hold at the moment. */
export function tokensOfPeople({
  raiseWatermark,
}: PeopleOptions['tokens']): Pick<People, 'endTokens' | 'endSessionTokens' | 'renewTokens'> {
  return {
    endTokens: async (tx, id, reason) => void (await raiseWatermark(tx, { kind: 'user', id, reason })),
    endSessionTokens: async (tx, id, reason) => void (await raiseWatermark(tx, { kind: 'session', id, reason })),
    renewTokens: async (tx, id, reason) => {
      await raiseWatermark(tx, { kind: 'user', id, reason, families: 'keep' });
    },
  };
}

export function composePeople(options: PeopleOptions): ComposedPeople {
  const { config, surroundings, database } = options;
  const { clock, randomBytes, log } = surroundings;
  const [primaryKey] = config.encryptionKeys;
  const envelope = createEnvelope(config.encryptionKeys, randomBytes);
  const kept = createKeptPost(clock.nowMs);
  const post = postOf(config, kept);
  const onError = (err: unknown, mail: object) =>
    log.warn({ err, ...mail }, 'a mail was not sent; it will be tried again');
  const outbox = createOutbox({ database, clock, randomBytes, envelope, post, onError });
  const people: People = {
    database,
    clock,
    randomBytes,
    changes: options.changes,
    recordAudit: options.recordAudit,
    catalogue: options.catalogue,
    envelope,
    slowHashes: options.slowHashes,
    guesses: createGuesses({ limiter: options.guesses, clock }),
    outbox,
    deviceKey: deriveKey(primaryKey?.bytes ?? new Uint8Array(), '', 'latchkey known devices'),
    signUp: config.signUp,
    issuer: options.issuer,
    ...tokensOfPeople(options.tokens),
    endGrants: options.endGrants,
    sessionEnds: options.sessionEnds,
  };
  const { cursors, resolveWorkspace, sessions } = options;
  const formKey = macKey(deriveKey(primaryKey?.bytes ?? new Uint8Array(), '', 'latchkey forms'));
  const keepsMails = post === kept && config.mode === 'development';
  const pages = composePages({ people, sessions, brand: config.brand, formKey, oauth: options.oauth, keepsMails });
  return {
    people,
    routes: [
      ...entryRoutes(people),
      ...accountRoutes(people),
      ...factorRoutes(people),
      ...passkeyRoutes(people),
      ...userRoutes({ people, cursors, resolveWorkspace }),
      ...memberRoutes({ people, cursors, resolveWorkspace }),
      pages.errorCodes,
      ...(config.mode === 'development' ? pages.devRoutes : []),
      ...(keepsMails ? [devMailRoute({ outbox, mails: kept.mails, page: pages.mailPage })] : []),
    ],
    pages,
    addJobs: (jobs) => {
      jobs.add({ name: 'accounts.mail', intervalMs: 2000, runs: 'each', run: outbox.sendDue });
      jobs.add({ name: 'accounts.prune', intervalMs: 600_000, runs: 'one', run: () => pruneAccounts(people) });
    },
    close: post.close,
  };
}

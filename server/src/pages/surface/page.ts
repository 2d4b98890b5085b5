import type { KeyObject } from 'node:crypto';
import {
  type People,
  ProofNeeded,
  presentedSessionOf,
  type SessionRecord,
  type SessionResolver,
  type SignedIn,
  type StartedSession,
  sessionCookieLines,
  type Visit,
  visitOf,
} from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import type { Actor } from '../../audit/index.ts';
import { Failure } from '../../failure.ts';
import { cookieLine, cookieName, type PageCall, type PageReply, type PageRoute, readCookie } from '../../http/index.ts';
import type { AuthorizationParameters, Authorizer, Grant, Grants, LogoutOutcome } from '../../oauth/index.ts';
import type { Assets } from '../assets/assets.ts';
import type { Brand } from '../branding/brand.ts';
import { formToken, isVisitorText, newVisitorText, refuseForeignToken, VISITOR_COOKIE } from './form-token.ts';
import { type PageNeeds, pageHeaders } from './page-headers.ts';
import { type WayOut, wayOutOf } from './way-out.ts';

/** What the pages stand on. */
export interface PagesDeps {
  people: People;
  sessions: SessionResolver;
  brand: Brand;
  assets: Assets;
  /** Signs the tokens of forms. */
  formKey: KeyObject;
  oauth: OAuthForPages;
  /** Whether mails are kept for `/dev/mail` instead of sent. */
  keepsMails: boolean;
}

/** What applications ask of people here. */
export interface OAuthForPages {
  authorizer: Authorizer;
  grants: Pick<Grants, 'list'>;
  revokeGrant(actor: Actor, id: string, mayEnd: (grant: Grant) => boolean): Promise<void>;
  findApplication(clientId: string): Promise<Application | null>;
  readLogout(
    params: AuthorizationParameters,
    visitor: { userId: string | null; address: string },
  ): Promise<LogoutOutcome>;
}

/** What a view needs to know to draw a page. */
export interface Ui {
  brand: Brand;
  /** A path of this server as a browser must ask for it: the issuer may stand below a path of its own. */
  at(path: string): string;
  asset(name: string): string | undefined;
  readonly formToken: string;
  isSignUpOpen: boolean;
  keepsMails: boolean;
}

/** One request for a page, with who is behind it. */
export interface Asked extends PageCall {
  ui: Ui;
  visit: Visit;
  session: SessionRecord | null;
  cookie(name: string): string | undefined;
  /** With an empty value it is removed. */
  setCookie(name: string, value: string, maxAgeSeconds: number): void;
  setCookieLine(line: string): void;
  /** The browser gets a session: its forms are that session's from now on (security K21). */
  begin(started: StartedSession): void;
  /** The text of the session that the browser had. */
  replaces: string | null;
  /** The application that waits until this person is in; null when there is none. */
  wayOut: WayOut | null;
}

export interface AskedByPerson extends Asked {
  session: SessionRecord;
  signed: SignedIn;
}

/** A document, or the way to another page. */
export type Answer =
  | { document: string; status?: number; retryAfterSeconds?: number; needs?: PageNeeds }
  | { goTo: string };

const VISITOR_SECONDS = 24 * 3600;

function uiOf({ people, brand, assets, keepsMails }: PagesDeps, token: () => string): Ui {
  const at = (path: string) => new URL(people.issuer()).pathname.replace(/\/$/, '') + path;
  return {
    brand,
    at,
    asset: (name) => {
      const found = assets.get(name);
      return found && at(found.path);
    },
    // Most answers have no form.
    get formToken() {
      return token();
    },
    isSignUpOpen: people.signUp === 'open',
    keepsMails,
  };
}

/** A view's surroundings where nobody is known, as on a page that tells of an error. */
export function plainUi(deps: PagesDeps): Ui {
  return uiOf(deps, () => '');
}

async function findSession({ sessions }: PagesDeps, text: string | null): Promise<SessionRecord | null> {
  return text === null ? null : (sessions.peek(text) ?? (await sessions.find(text)));
}

async function ask(deps: PagesDeps, path: string, call: PageCall, cookies: string[]): Promise<Asked> {
  const { people, formKey } = deps;
  const issuer = people.issuer();
  const isSecure = issuer.startsWith('https:');
  const cookie = (name: string) => readCookie(call.header('cookie'), cookieName(name, isSecure));
  const setCookie = (name: string, value: string, maxAgeSeconds: number) =>
    void cookies.push(cookieLine(name, value, { isSecure, maxAgeSeconds }));
  const replaces = presentedSessionOf(call, issuer);
  const session = await findSession(deps, replaces);
  const visitorOf = () => {
    const known = cookie(VISITOR_COOKIE);
    if (isVisitorText(known)) return known;
    const visitor = newVisitorText(people.randomBytes);
    setCookie(VISITOR_COOKIE, visitor, VISITOR_SECONDS);
    return visitor;
  };
  const owner = session !== null && replaces !== null ? { session: replaces } : { visitor: visitorOf() };
  if (session !== null) deps.sessions.touch(session, call.address);
  const ui = uiOf(deps, () => formToken(formKey, owner));
  return {
    ...call,
    ui,
    wayOut: await wayOutOf(deps.oauth.authorizer, ui, path, { ...call, cookie }),
    visit: visitOf(call, issuer),
    session,
    replaces,
    cookie,
    setCookie,
    setCookieLine: (line) => void cookies.push(line),
    begin: (started) => {
      cookies.push(...sessionCookieLines(started, issuer));
      setCookie(VISITOR_COOKIE, '', 0);
    },
  };
}

/** A reply that sends the browser on; after a form always by GET (security A11). */
export function seeOther(location: string, cookies: readonly string[] = []): PageReply {
  const headers = { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };
  return { status: 303, headers, cookies, body: '' };
}

type Handler<A> = (asked: A) => Promise<Answer>;

export interface Pages {
  /** For anybody, signed in or not. */
  open(method: 'GET' | 'POST', path: string, handler: Handler<Asked>): PageRoute;
  /** For signed-in people; others sign in first. `from` is the page that a form stands on. */
  own(method: 'GET' | 'POST', path: string, handler: Handler<AskedByPerson>, from?: string): PageRoute;
}

/** What a thrown refusal means for the way of a person: prove again, sign in again, or nothing special. */
function wayAfter(error: unknown, { at }: Ui, from: string): string | null {
  const goBack = `?return_to=${encodeURIComponent(at(from))}`;
  if (error instanceof ProofNeeded) return at(`/account/proof${goBack}`);
  if (error instanceof Failure && error.code === 'invalid_token') return at(`/sign-in${goBack}`);
  return null;
}

export function definePages(deps: PagesDeps): Pages {
  const plain = pageHeaders(deps.brand);
  const headersOf = ({ wayOut }: Asked, needs: PageNeeds | undefined) =>
    wayOut === null && needs === undefined
      ? plain
      : pageHeaders(deps.brand, { leadsTo: wayOut?.redirectUri ?? null, ...needs });
  const run = (method: 'GET' | 'POST', path: string, from: string, handler: Handler<Asked>): PageRoute => ({
    method,
    path,
    handler: async (call) => {
      const cookies: string[] = [];
      const asked = await ask(deps, path, call, cookies);
      try {
        if (method === 'POST') refuseForeignToken(asked.ui.formToken, call.form.get('form_token'));
        const answer = await handler(asked);
        if ('goTo' in answer) return seeOther(answer.goTo, cookies);
        const { document, status = 200, retryAfterSeconds: wait, needs } = answer;
        const more = wait === undefined ? {} : { 'retry-after': String(wait) };
        return { status, headers: { ...headersOf(asked, needs), ...more }, cookies, body: document };
      } catch (error) {
        const way = wayAfter(error, asked.ui, from);
        if (way === null) throw error;
        return seeOther(way, cookies);
      }
    },
  });
  return {
    open: (method, path, handler) => run(method, path, path, handler),
    own: (method, path, handler, from = path) =>
      run(method, path, from, async (asked) => {
        const { session } = asked;
        if (session === null) throw new Failure('invalid_token');
        return handler({ ...asked, session, signed: { userId: session.userId, sessionId: session.id } });
      }),
  };
}

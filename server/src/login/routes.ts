import { Type } from 'typebox';
import {
  endedCookieLine,
  endSession,
  PASSWORD_MAX_LENGTH,
  presentedSessionOf,
  type StartedSession,
  secondFactorNeeded,
  sessionCookieLines,
  visitOf,
} from '../accounts/index.ts';
import { toTimestamp } from '../clock.ts';
import { Failure, invalidField } from '../failure.ts';
import { type Call, closed, oneOf, type Route, refuseForgedWrite, route } from '../http/index.ts';
import type { TokenPair } from '../tokens/index.ts';
import type { LoginDeps } from './deps.ts';
import { type LoginProof, logIn, logInByCookie } from './log-in.ts';
import { ambiguous, logOut } from './log-out.ts';
import { refreshLogin } from './refresh.ts';

/** Anybody, but no page of another site; a repeat is no replay: what it proves is spent. */
const open = {
  mounts: ['v1', 'v2'],
  tag: 'login',
  access: 'public',
  sameOrigin: true,
  isIdempotent: false,
  method: 'POST',
} as const;

const loginBody = Type.Object(
  {
    username: Type.Optional(Type.String({ minLength: 1, maxLength: 254 })),
    password: Type.Optional(Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH })),
    otp: Type.Optional(Type.String({ minLength: 6, maxLength: 40 })),
    challenge: Type.Optional(Type.String({ minLength: 43, maxLength: 43, pattern: '^[\\w-]+$' })),
    workspace_id: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    environment: Type.Optional(oneOf('test', 'live')),
    cookie: Type.Optional(Type.Boolean()),
  },
  // Said here too, so that all that is wrong is told at once.
  { ...closed, if: { required: ['challenge'] }, else: { required: ['username', 'password'] } },
);

const RefreshToken = Type.String({ minLength: 1, maxLength: 200 });

const tokensReply = Type.Object({
  token: Type.String(),
  expires_at: Type.String(),
  refresh_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer(),
  scope: Type.String(),
});

const { token, refresh_token, token_type, scope, ...times } = tokensReply.properties;
const loginReply = Type.Object({
  ...times,
  token: Type.Optional(token),
  refresh_token: Type.Optional(refresh_token),
  token_type: Type.Optional(token_type),
  scope: Type.Optional(scope),
  session_id: Type.String(),
});

interface LoginBody {
  username?: string;
  password?: string;
  otp?: string;
  challenge?: string;
}

/** Username and password, or challenge and code: one of the two, whole. */
function proofOf({ username, password, otp, challenge }: LoginBody): LoginProof {
  if (challenge === undefined) {
    if (username === undefined) throw invalidField('username', 'is required: the address of the account');
    if (password === undefined) throw invalidField('password', 'is required');
    return { username, password, otp };
  }
  if (username !== undefined || password !== undefined) {
    throw invalidField('challenge', 'stands in place of username and password: send one or the other');
  }
  if (otp === undefined) throw invalidField('otp', 'is required with challenge');
  return { challenge, otp };
}

function presentPair({ accessToken, refreshToken, scopes }: TokenPair) {
  return {
    token: accessToken.text,
    expires_at: toTimestamp(accessToken.expiresAtMs),
    refresh_token: refreshToken.text,
    token_type: 'Bearer' as const,
    expires_in: accessToken.expiresInSeconds,
    scope: scopes.join(' '),
  };
}

function presentCookie(deps: LoginDeps, call: Call, { row, ...started }: StartedSession) {
  for (const line of sessionCookieLines({ row, ...started }, deps.people.issuer())) call.setHeader('set-cookie', line);
  const expiresInSeconds = Math.floor((row.expires_at - deps.people.clock.nowMs()) / 1000);
  return { expires_at: toTimestamp(row.expires_at), expires_in: expiresInSeconds, session_id: row.id };
}

/** Runs an attempt and tells whoever counts how it ended. */
async function counted<T>(
  { onAsked }: LoginDeps,
  grantType: 'password' | 'refresh_token',
  attempt: () => Promise<T>,
): Promise<T> {
  try {
    const result = await attempt();
    onAsked({ grantType, outcome: 'granted' });
    return result;
  } catch (error) {
    onAsked({ grantType, outcome: error instanceof Failure ? error.code : 'internal_error' });
    throw error;
  }
}

function loginRoute(deps: LoginDeps): Route {
  const { people } = deps;
  return route({
    ...open,
    path: '/auth/login',
    summary: 'Log in by password: tokens, or with cookie true a session; 401 mfa_required with a challenge',
    body: loginBody,
    reply: loginReply,
    handler: async (call) => {
      const { workspace_id: workspaceId, environment, cookie = false, ...body } = call.body;
      const proof = proofOf(body);
      const visit = visitOf(call, people.issuer());
      const place = { workspaceId, environment };
      return counted(deps, 'password', async () => {
        const passed = cookie
          ? await logInByCookie(deps, visit, proof, { ...place, replaces: presentedSessionOf(call, people.issuer()) })
          : await logIn(deps, visit, proof, place);
        if (passed.kind === 'second_factor') throw secondFactorNeeded(passed);
        const { result } = passed;
        if (result.kind === 'cookie') return presentCookie(deps, call, result.started);
        return { ...presentPair(result.pair), session_id: result.sessionId };
      });
    },
  });
}

function refreshRoute(deps: LoginDeps): Route {
  return route({
    ...open,
    path: '/auth/refresh',
    summary: 'The next tokens of a login',
    body: Type.Object({ refresh_token: RefreshToken }, closed),
    reply: tokensReply,
    handler: (call) =>
      counted(deps, 'refresh_token', async () => {
        const visit = visitOf(call, deps.people.issuer());
        return presentPair(await refreshLogin(deps, visit, { refreshToken: call.body.refresh_token }));
      }),
  });
}

/** The text of the access token that is presented; null for none. Throws `invalid_token`, `ambiguous_credentials`. */
function presentedToken(call: Pick<Call, 'credential'>): string | null {
  const presented = call.credential();
  if (presented === null) return null;
  if (presented.scheme === 'bearer' || presented.scheme === 'api-key') return presented.text;
  throw new Failure('invalid_token', 'The Authorization header is not `Bearer <token>`.');
}

/** Ends the session of the cookie, under the rules for what writes by cookie. */
async function logOutByCookie(deps: LoginDeps, call: Call, text: string): Promise<void> {
  const { people, findSession } = deps;
  const headers: Record<string, string> = {};
  for (const name of ['origin', 'sec-fetch-site', 'content-type']) {
    const value = call.header(name);
    if (value !== undefined) headers[name] = value;
  }
  refuseForgedWrite({ method: 'POST', headers }, people.issuer());
  const session = await findSession(text);
  if (!session) throw new Failure('invalid_token', 'The session has ended already.');
  const signed = { userId: session.userId, sessionId: session.id };
  await endSession(people, visitOf(call, people.issuer()), signed, session.id);
  call.setHeader('set-cookie', endedCookieLine(people.issuer()));
}

function logoutRoute(deps: LoginDeps): Route {
  const { people } = deps;
  return route({
    ...open,
    path: '/auth/logout',
    summary: 'End a login and its tokens at once, by its access token, its refresh token or its cookie',
    body: Type.Object({ refresh_token: Type.Optional(RefreshToken) }, closed),
    status: 204,
    handler: async (call) => {
      const accessToken = presentedToken(call);
      const { refresh_token: refreshToken = null } = call.body;
      const cookie = presentedSessionOf(call, people.issuer());
      if (accessToken !== null || refreshToken !== null) {
        // Browsers add a cookie unasked; one whose session has ended says nothing.
        if (cookie !== null && (await deps.findSession(cookie))) {
          throw ambiguous('A token was sent, and the cookie of another login with it.');
        }
        return logOut(deps, visitOf(call, people.issuer()), { accessToken, refreshToken });
      }
      if (cookie !== null) return logOutByCookie(deps, call, cookie);
      throw invalidField('refresh_token', 'is required without a bearer token and without a session cookie');
    },
  });
}

/** Login by password for first-party software. */
export function loginRoutes(deps: LoginDeps): Route[] {
  return [loginRoute(deps), refreshRoute(deps), logoutRoute(deps)];
}

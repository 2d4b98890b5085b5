import type { Static, TSchema, TUnknown } from 'typebox';
import type { WantedSignIn } from '../failure.ts';
import type { PresentedCredential } from './credentials.ts';
import type { Environment, Principal } from './principal.ts';

/**
 * Who may call a route. `public`: anyone. Otherwise a valid credential.
 */
export type Access = 'public' | Guarded;

export interface Guarded {
  /** The scope that it must hold; null: none in particular. */
  scope: string | null;
  /** A scope that also opens the route, for rows that are the caller's own; the handler sees to it. */
  own?: string;
  /** Whether the operator's key is let in. Root holds no scopes: where it is allowed, it needs none. */
  root: 'allowed' | 'refused' | 'only';
  /** With `root: 'only'`: signed-in people too. */
  people?: true;
  /** With `root: 'only'`: signed-in owners of the first workspace too. */
  operator?: true;
  /** Also lets in a peer on this machine that presents nothing. */
  loopback?: true;
  /** Further scopes that it must hold, all of them. */
  allOf?: readonly string[];
  /** Only credentials of this environment. */
  environment?: Environment;
  /** A person's own account: signed-in sessions alone, whatever their workspace asks of them. */
  account?: true;
  /** The resource that a token must be for: the default one unless said, `any` of this installation, or this one. */
  resource?: string;
  /** How recent and strong the person's sign-in must be; what nobody signed in for is refused. */
  signIn?: WantedSignIn;
  /** The call counts against another credential than the caller's, or against none. */
  isFree?: true;
}

/** For what belongs to the installation and to no tenant (contract §3): written by root or an owner of the first workspace. */
export const OPERATOR: Guarded = { scope: null, root: 'only', operator: true };

/** Where a path answers: `/v1/…`, `/v2/…`, or as written. */
export type Mount = 'v1' | 'v2' | 'bare';

/** One request as a handler sees it: validated, and without HTTP. */
export interface Call<Body = unknown, Query = unknown, Params = unknown> {
  body: Body;
  query: Query;
  params: Params;
  /** The caller; on a public route nobody. */
  principal: Principal;
  requestId: string;
  /** The client's address behind trusted proxies, canonical. */
  address: string;
  /** What was presented, for a public route that reads it itself. Throws as `presentedCredential`. */
  credential(): PresentedCredential | null;
  /** A request header, by its lower-case name. */
  header(name: string): string | undefined;
  setHeader(name: string, value: string): void;
}

interface RouteSpec<B extends TSchema, Q extends TSchema, P extends TSchema, R extends TSchema> {
  /** `ANY`: every method, and no body is read. */
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE' | 'ANY';
  path: string;
  mounts: readonly Mount[];
  /** A function where the request's query says what is asked of the caller: it reads that query, and `query` only describes it. */
  access: Access | ((query: Readonly<Record<string, unknown>>) => Guarded);
  /** One line for the OpenAPI document, and the domain that it is listed under. */
  summary: string;
  tag: string;
  body?: B;
  query?: Q;
  params?: P;
  reply?: R;
  /** Success status; 200 unless said. */
  status?: 200 | 201 | 204;
  /** The reply shows a secret: an idempotent replay of it is kept sealed, and for ten minutes only. */
  secretReply?: boolean;
  /** Answers 202 instead of `status` when the reply says that the deed is planned, not done. */
  isAccepted?(reply: Static<R>): boolean;
  /** Anyone's page may read it: `Access-Control-Allow-Origin: *`, never with credentials. */
  cors?: 'public';
  /** Anybody may call it, from here: a browser must say that no other site sent it. */
  sameOrigin?: true;
  /** Caches may keep the reply that long, and ask again by its ETag. */
  cacheSeconds?: number;
  /** False for a POST that changes nothing worth keeping a reply for. */
  isIdempotent?: boolean;
  /** For a proxy's sub-request: refusals are 401, 403 or 429, and their body stands in X-Latchkey-Error too. */
  isGate?: boolean;
  /** RFC 6749 errors instead of those of the version. */
  errors?: 'oauth';
  /** Left out of the OpenAPI document, which has no words for paths of any length. */
  isUndocumented?: true;
  /** Whatever body comes along, of whatever type, is not read. */
  ignoresBody?: true;
  bodyLimitBytes?: number;
  handler(call: Call<Static<B>, Static<Q>, Static<P>>): Static<R> | Promise<Static<R>>;
}

/** A route with its types erased, ready to mount. */
export interface Route extends Omit<RouteSpec<TSchema, TSchema, TSchema, TSchema>, 'handler' | 'isAccepted'> {
  handler(call: Call): unknown;
  isAccepted?(reply: unknown): boolean;
}

/** Declares a route: one schema gives validation, serialisation, types and OpenAPI. */
export function route<
  B extends TSchema = TUnknown,
  Q extends TSchema = TUnknown,
  P extends TSchema = TUnknown,
  R extends TSchema = TUnknown,
>(spec: RouteSpec<B, Q, P, R>): Route {
  return spec as unknown as Route;
}

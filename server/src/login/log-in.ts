import {
  acrOf,
  amrOf,
  type Finish,
  type Passed,
  passSecondFactor,
  passSignIn,
  type StartedSession,
  startSession,
  type Visit,
} from '../accounts/index.ts';
import { Failure } from '../failure.ts';
import type { Environment } from '../http/index.ts';
import { FIRST_PARTY_CLIENT, type TokenPair } from '../tokens/index.ts';
import type { LoginDeps } from './deps.ts';
import { scopesAtLogin } from './entitlement.ts';

/** How somebody proves who they are: a password, or a code for the challenge that the right password gave. */
export type LoginProof =
  | { username: string; password: string; otp?: string | undefined }
  | { challenge: string; otp: string };

export interface LoginPlace {
  /** The person's first one unless said. */
  workspaceId?: string | undefined;
  /** `test` unless said. */
  environment?: Environment | undefined;
}

export type Login =
  | { kind: 'tokens'; pair: TokenPair; sessionId: string }
  | { kind: 'cookie'; started: StartedSession };

async function pass<T>({ people }: LoginDeps, visit: Visit, proof: LoginProof, finish: Finish<T>): Promise<Passed<T>> {
  if ('challenge' in proof) {
    return { kind: 'passed', result: await passSecondFactor(people, visit, proof, finish) };
  }
  const { username, password, otp } = proof;
  return passSignIn(people, visit, { email: username, password, otp }, finish);
}

function workspaceOf({ workspaceId }: LoginPlace, firstId: string | null): string {
  const id = workspaceId ?? firstId;
  if (id === null) throw new Failure('forbidden', 'You are in no workspace. Be invited to one first.');
  return id;
}

/**
 * Logs a person in by tokens. The login stands among their sessions; ending it there ends the tokens. Throws
 * `invalid_credentials`, `rate_limit_exceeded`; and to who knows the password `forbidden`, `not_found`.
 */
export async function logIn(
  deps: LoginDeps,
  visit: Visit,
  proof: LoginProof,
  place: LoginPlace,
): Promise<Passed<Login>> {
  try {
    return await logInOnce(deps, visit, proof, place);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'token_revoked') throw error;
    // What another process has ended a moment ago was not known here: a new password, for one, and this may be it.
    await deps.tokens.load();
    return logInOnce(deps, visit, proof, place);
  }
}

function logInOnce(deps: LoginDeps, visit: Visit, proof: LoginProof, place: LoginPlace): Promise<Passed<Login>> {
  const { people, tokens } = deps;
  // Before the password is looked at: what is ended meanwhile refuses the tokens.
  const epoch = tokens.epoch();
  return pass<Login>(deps, visit, proof, async (tx, proved) => {
    const { person, methods } = proved;
    const { environment = 'test' } = place;
    const workspaceId = workspaceOf(place, person.first_workspace_id);
    const options = { replaces: null, workspaceId, environment, kind: 'tokens' } as const;
    const { row, standing } = await startSession(people, tx, visit, proved, options);
    const scopes = scopesAtLogin(standing, methods);
    const amr = amrOf(methods);
    const pair = await tokens.startFamily(tx, {
      clientId: FIRST_PARTY_CLIENT,
      userId: person.id,
      workspaceId,
      environment,
      audience: deps.audience(),
      scopes,
      rotation: 'each_use',
      epoch,
      sessionId: row.id,
      extraClaims: { auth_time: Math.floor(people.clock.nowMs() / 1000), acr: acrOf(amr), amr },
    });
    return { kind: 'tokens', pair, sessionId: row.id };
  });
}

/** Logs a person in by cookie, in place of the session that the browser had: the same as signing in. Throws as `logIn`. */
export function logInByCookie(
  deps: LoginDeps,
  visit: Visit,
  proof: LoginProof,
  place: LoginPlace & { replaces: string | null },
): Promise<Passed<Login>> {
  return pass<Login>(deps, visit, proof, async (tx, proved) => {
    const { replaces, workspaceId, environment = 'test' } = place;
    const { person } = proved;
    const options = { replaces, environment, workspaceId: workspaceId ?? person.first_workspace_id };
    const started = await startSession(deps.people, tx, visit, proved, options);
    if (workspaceId !== undefined && started.standing === null) scopesAtLogin(null, []);
    return { kind: 'cookie', started };
  });
}

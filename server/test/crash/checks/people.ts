import type { Answer, Call } from '../api.ts';
import type { PeopleFacts } from '../facts.ts';
import type { Lane } from '../lane.ts';
import { isUnanswered, type LaneModel, type Model } from '../model.ts';
import { guessWithSpent } from '../operations/factors.ts';
import { isInGrace, refresh } from '../operations/logins.ts';
import { follow, visitor } from '../operations/people.ts';
import { isGood, isProtected, livingSessions, mayRefresh, type Person, type Session } from '../people-model.ts';
import { type Check, type CheckContext, forAll } from './check.ts';

/** Of each lane, and of what each person has: looked at again though nothing changed. */
const SAMPLE = 2;
const NEWEST = 3;

const ids = (rows: readonly Record<string, unknown>[], field = 'id') => rows.map((row) => String(row[field])).sort();

function compareMembers({ people, home }: LaneModel, facts: PeopleFacts, model: Model): void {
  const members = facts.members.filter(({ workspace_id }) => workspace_id === home.id);
  for (const person of people.filter(({ isBusy }) => !isBusy)) {
    const found = members.find(({ user_id }) => user_id === person.id);
    const [role, expected] = [found?.role ?? null, person.place?.role ?? null];
    if (role !== expected) model.violations.push(`${person.email} should be ${expected} of the home, and is ${role}`);
    if (person.place !== null && found) person.place.memberId = String(found.id);
  }
}

/** What the tables hold of one person: nothing lost, and nothing there that nobody asked for. */
function comparePerson(person: Person, facts: PeopleFacts, model: Model): void {
  const say = (problem: string) => model.violations.push(`${person.email} ${problem}`);
  const rows = facts.users.filter(({ email }) => email === person.email);
  if (rows.length !== 1) return void say(`was acknowledged, and is there ${rows.length} times`);
  const [row] = rows;
  const state = person.isDisabled ? 'disabled' : 'active';
  if (row?.id !== person.id || row?.state !== state)
    say(`should be ${person.id}, ${state}, and is ${JSON.stringify(row)}`);
  const ofPerson = ({ user_id }: Record<string, unknown>) => user_id === person.id;
  const found = ids(facts.sessions.filter(ofPerson)).join();
  const expected = ids(livingSessions(person) as unknown as Record<string, unknown>[]).join();
  if (found !== expected) say(`should have the sessions ${expected}, and has ${found}`);
  const left = Number(facts.codes.find(ofPerson)?.codes_left ?? 0);
  if (left !== person.codes.left) say(`should have ${person.codes.left} backup codes left, and has ${left}`);
  const step = facts.totp.find(ofPerson)?.last_step;
  if ((step !== undefined) !== isProtected(person)) say(`${isProtected(person) ? 'lost' : 'got'} an authenticator app`);
  if (person.totp !== null && Number(step) < person.totp.lastStep)
    say(`can use the step ${person.totp.lastStep} again`);
}

/** The tables of people against the model, for everybody. */
export const tablesSayTheSame: Check = async ({ model, facts: { people: facts } }) => {
  const everybody = model.lanes.flatMap(({ people }) => people);
  for (const person of everybody) if (!person.isBusy) comparePerson(person, facts, model);
  for (const lane of model.lanes) compareMembers(lane, facts, model);
  const emails = new Set(everybody.map(({ email }) => email));
  for (const { email } of facts.users) {
    if (/^crash-/.test(String(email)) && !emails.has(String(email))) {
      model.violations.push(`the user ${email} is there, and nobody asked for it`);
    }
  }
  for (const workspaceId of new Set(ids(facts.members, 'workspace_id'))) {
    const hasOwner = facts.members.some((row) => row.workspace_id === workspaceId && row.role === 'owner');
    if (!hasOwner) model.violations.push(`the workspace ${workspaceId} has members and no owner`);
  }
  for (const { id } of facts.strays) model.violations.push(`the refresh tokens ${id} live on without their session`);
};

async function ask({ api }: CheckContext, lane: Lane, call: Omit<Call, 'requestId' | 'from'>): Promise<Answer> {
  const ending = await api.send({ ...call, from: visitor(lane), requestId: lane.newName() });
  if (isUnanswered(ending)) throw new Error(`${call.path} was answered ${ending?.status} after the restart`);
  return ending;
}

/** Names a workspace that there is not, so that who proves themselves is told so, and nobody is logged in. */
const NOWHERE = `ws_${'0'.repeat(24)}`;

/** An account takes ten an hour, and a kill may cost one that was right. */
const MOST_WRONG_PASSWORDS = 5;

/** What a login with the right password comes to, and with a former one. */
async function tryPasswords(context: CheckContext, lane: Lane, person: Person): Promise<void> {
  const attempt = async (password: string): Promise<string> => {
    const json = { username: person.email, password, workspace_id: NOWHERE };
    const { status, json: reply } = await ask(context, lane, {
      method: 'POST',
      path: '/v1/auth/login',
      key: null,
      json,
    });
    return `${status} ${reply?.error}`;
  };
  const expected = person.isDisabled ? '403 forbidden' : isProtected(person) ? '401 mfa_required' : '404 not_found';
  const told = await attempt(person.password);
  if (told !== expected) {
    context.model.violations.push(`the password of ${person.email} should come to ${expected}, and comes to ${told}`);
  }
  if (person.oldPassword === null || person.wrongPasswords >= MOST_WRONG_PASSWORDS) return;
  person.wrongPasswords += 1;
  const answer = await attempt(person.oldPassword);
  person.oldPassword = null;
  if (answer !== '401 invalid_credentials') {
    context.model.violations.push(`the former password of ${person.email} came to ${answer}`);
  }
}

async function tryTexts(context: CheckContext, lane: Lane, session: Session): Promise<void> {
  const { model } = context;
  if (session.cookie !== null) {
    const call = { method: 'GET', path: '/v1/account/session', key: null, cookie: session.cookie } as const;
    const { status } = await ask(context, lane, call);
    if (status !== (session.isEnded ? 401 : 200)) {
      model.violations.push(
        `session ${session.id} ${session.isEnded ? 'has ended' : 'lives'}, and its cookie was answered ${status}`,
      );
    }
  }
  for (const token of session.accessTokens.slice(-NEWEST)) {
    const isAlive = isGood(token, session, model.signing);
    const { status, json } = await ask(context, lane, { method: 'GET', path: '/v1/auth/verify', key: token.text });
    if (status === (isAlive ? 200 : 401)) continue;
    model.violations.push(
      `an access token of session ${session.id} ${isAlive ? 'is good' : 'has ended'}, and the door answered ${status} ${json?.error ?? ''}`,
    );
  }
}

/** An unanswered refresh is asked again, twice; a parent gives the same successor; what has ended gives nothing. */
async function tryRefresh(lane: Lane, person: Person, session: Session): Promise<void> {
  const { family } = session;
  if (family === null) return;
  const isGoodStill = mayRefresh(person, lane.own.home.id, session);
  const pending = family.pending?.text;
  if (pending !== undefined) await refresh(lane, person, session, pending);
  if (isGoodStill && isInGrace(family)) await refresh(lane, person, session, family.parent?.text ?? '');
  if (!isGoodStill && family.current !== null) await refresh(lane, person, session, family.current);
}

/** Presents everything that a person ever had: all that lives is let in, and nothing else. */
async function present(context: CheckContext, lane: Lane, person: Person): Promise<void> {
  if (person.isBusy) return;
  await tryPasswords(context, lane, person);
  const newest = person.sessions.slice(-NEWEST);
  const older = context.isLast ? person.sessions : [context.random.pick(person.sessions)];
  const sessions = new Set([...newest, ...livingSessions(person), ...older].filter((each) => each !== undefined));
  for (const session of sessions) {
    await tryTexts(context, lane, session);
    await tryRefresh(lane, person, session);
  }
  await guessWithSpent(lane, person);
  person.isTouched = false;
}

export const peopleAreAsPromised: Check = async (context) => {
  const { lanes, random, isLast } = context;
  const chosen = lanes.flatMap((lane) => {
    const { people } = lane.own;
    const sample = Array.from({ length: SAMPLE }, () => random.pick(people));
    const some = new Set([...people.filter(({ isTouched }) => isTouched), ...sample]);
    return (isLast ? people : [...some].filter((each) => each !== undefined)).map((person) => ({ lane, person }));
  });
  await forAll(chosen, ({ lane, person }) => present(context, lane, person));
  const links = lanes.flatMap((lane) => lane.own.spentLinks.slice(-NEWEST).map((link) => ({ lane, link })));
  await forAll(links, ({ lane, link }) => follow(lane, link));
};

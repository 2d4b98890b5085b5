import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered } from '../model.ts';
import { endAccessTokens, isProtected, type Person } from '../people-model.ts';
import { codeOfStep, stepAt } from '../second-factor.ts';
import { undisturbed } from './keys.ts';
import { hasCookie, pickCookie, pickPerson, visitor } from './people.ts';

const FACTORS = '/v1/account/factors';
const BACKUP_CODES = 10;
/** An account takes ten wrong ones an hour, and a kill may cost one that was right. */
const MOST_WRONG_CODES = 4;

/** The codes that a reply shows are good, and none from before. */
function newCodes(person: Person, shown: string[] | undefined): void {
  person.spentCodes.push(...person.codes.known);
  person.codes = { known: shown ?? [], left: BACKUP_CODES };
}

async function offer(lane: Lane, person: Person, cookie: string): Promise<string | null> {
  const call = { method: 'POST', path: `${FACTORS}/totp`, key: null, cookie, json: {} } as const;
  const ending = await lane.api.send({ ...call, requestId: lane.newName() });
  if (isUnanswered(ending)) return null;
  if (ending.status === 201) return ending.json.secret;
  lane.model.violations.push(`${person.email} was offered an authenticator app with ${ending.status}`);
  return null;
}

const enrol: Operation = {
  name: 'add authenticator app',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, (each) => !isProtected(each) && hasCookie(each));
    const session = person && pickCookie(lane, person);
    if (!session) return;
    person.isBusy = true;
    const secret = await offer(lane, person, session.cookie);
    person.isBusy = false;
    if (secret === null) return;
    const step = stepAt(Date.now());
    await perform(lane, {
      operation: 'add authenticator app',
      call: {
        method: 'POST',
        path: `${FACTORS}/totp/confirm`,
        key: null,
        cookie: session.cookie,
        json: { code: codeOfStep(secret, step) },
      },
      expected: 200,
      actions: ['user.totp_added'],
      subjects: [person],
      promise: ({ reply }) => {
        person.totp = { secret, lastStep: step, isConfirmed: true };
        newCodes(person, reply?.backup_codes);
        // What was given to the password alone is over.
        endAccessTokens(person);
        person.isTouched = true;
      },
    });
  },
};

const renewCodes: Operation = {
  name: 'make backup codes',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, (each) => isProtected(each) && hasCookie(each));
    const session = person && pickCookie(lane, person);
    // One from before the app proves too little.
    if (!person || !session?.hasSecondFactor) return;
    await perform(lane, {
      operation: 'make backup codes',
      call: { method: 'POST', path: `${FACTORS}/backup-codes`, key: null, cookie: session.cookie, json: {} },
      expected: 201,
      actions: ['user.backup_codes_made'],
      subjects: [person],
      promise: ({ reply }) => {
        newCodes(person, reply?.backup_codes);
        person.isTouched = true;
      },
    });
  },
};

const remove: Operation = {
  name: 'remove authenticator app',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, (each) => isProtected(each) && hasCookie(each) && lane.random.chance(30));
    const session = person && pickCookie(lane, person);
    if (!person || !session?.hasSecondFactor) return;
    await perform(lane, {
      operation: 'remove authenticator app',
      call: { method: 'DELETE', path: `${FACTORS}/totp`, key: null, cookie: session.cookie },
      expected: 204,
      actions: ['user.totp_removed'],
      subjects: [person],
      promise: () => {
        Object.assign(person, { totp: null, codes: { known: [], left: 0 }, spentCodes: [], isTouched: true });
      },
    });
  },
};

/** What must not let the person in any more: a backup code, or a step of the app, that was used. */
export function spentOtp(
  { spentCodes, totp }: Person,
  pick: <T>(list: readonly T[]) => T | undefined,
): string | undefined {
  const step = stepAt(Date.now());
  const isStepSpent = totp !== null && totp.lastStep >= step - 1 && totp.lastStep > 0;
  return pick([...spentCodes, ...(isStepSpent ? [codeOfStep(totp.secret, totp.lastStep)] : [])]);
}

/** Somebody who knows the password and a used code. */
export async function guessWithSpent(lane: Lane, person: Person): Promise<void> {
  const otp = isProtected(person) && !person.isDisabled ? spentOtp(person, lane.random.pick) : undefined;
  if (otp === undefined || person.wrongCodes >= MOST_WRONG_CODES) return;
  person.wrongCodes += 1;
  const json = { username: person.email, password: person.password, otp };
  const call = { method: 'POST', path: '/v1/auth/login', key: null, from: visitor(lane), json } as const;
  const ending = await undisturbed([person], () => lane.api.send({ ...call, requestId: lane.newName() }));
  if (isUnanswered(ending) || ending.json?.error === 'invalid_credentials') return;
  lane.model.violations.push(
    `a used code of ${person.email} was presented again, and the answer was ${ending.status} ${ending.json?.error ?? ''}`,
  );
}

const useAgain: Operation = {
  name: 'use a code again',
  weight: 1,
  run: async (lane) => {
    const person = pickPerson(lane, (each) => each.spentCodes.length > 0);
    if (person) await guessWithSpent(lane, person);
  },
};

export const factorOperations: Operation[] = [enrol, renewCodes, remove, useAgain];

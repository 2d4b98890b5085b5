import { addressGroup } from '../../address.ts';
import type { Clock } from '../../clock.ts';
import { sha256Hex } from '../../crypto/index.ts';
import { Failure } from '../../failure.ts';
import { ANONYMOUS_PREFIX, type Limiter } from '../../limits/index.ts';

/** An attempt that was counted before it is judged: what turns out to be right is given back. */
export interface Attempt {
  giveBack(): Promise<void>;
}

export interface PasswordGuess {
  address: string;
  emailKey: string;
  /** The device's id, when it is one that this person has signed in on. */
  knownDevice: string | null;
}

/** Counts attempts, each before it is judged, so that parallel ones cannot outrun the count (security K2). */
export interface Guesses {
  /** Throws `rate_limit_exceeded` when the account, the address's network or everybody together guessed too often. */
  password(guess: PasswordGuess): Promise<Attempt>;
  /**
   * Right passwords of one account: who knows one must not fill tables by it. On a known device apart, so that nobody else
   * uses up what the person needs. Throws `rate_limit_exceeded`.
   */
  signIn(userId: string, knownDevice: string | null): Promise<void>;
  /** One-time passwords, backup codes and passkeys of one account, mixed (security K12); on a known device apart. */
  code(userId: string, knownDevice: string | null): Promise<Attempt>;
  /** Calls that make a mail or a slow hash for somebody who has proved nothing. */
  request(kind: RequestKind, address: string): Promise<Attempt>;
  /** Whether one more mail of a kind may go to an address: nobody's mailbox is filled by strangers. */
  mayMail(kind: string, emailKey: string): Promise<boolean>;
  /** Whether one more stranger may be invited by somebody: no workspace is a way to send mails to everybody. */
  mayInvite(inviter: string): Promise<boolean>;
}

/** How many wrong attempts an hour. A right one costs nothing of these. */
export const GUESSES_PER_HOUR = {
  account: 10,
  network: 100,
  everybody: 5000,
  /** A person on a device that they know is never locked out by what others do elsewhere. */
  knownDevice: 20,
  /** Of one account, on all devices that it knows: who once got in has made as many known as they liked. */
  knownDevices: 60,
  codes: 10,
  codesOnKnownDevices: 20,
  /** `passkey` is asked for whenever a page for signing in is opened, `authorization` whenever an application sends somebody. */
  requestsOfNetwork: { sign_up: 60, recover: 60, link: 60, passkey: 1000, authorization: 1000 },
  /** Those that make mails and slow hashes for anybody. */
  requestsOfEverybody: 5000,
  mailsToAddress: 5,
  invitations: 100,
} as const;

/** How many right passwords an hour, of one account from devices that it does not know, and from each that it does. */
export const SIGN_INS_PER_HOUR = 600;

export type RequestKind = keyof typeof GUESSES_PER_HOUR.requestsOfNetwork;

interface Budget {
  bucket: string;
  perHour: number;
}

/** Anybody can name any account: such buckets stand where memory is bounded. */
const budget = (name: string, perHour: number): Budget => ({ bucket: `${ANONYMOUS_PREFIX}guess:${name}`, perHour });

function budgetsOf({ address, emailKey, knownDevice }: PasswordGuess): Budget[] {
  const account = sha256Hex(emailKey).slice(0, 32);
  if (knownDevice !== null) {
    return [
      budget(`device:${knownDevice}:${account}`, GUESSES_PER_HOUR.knownDevice),
      budget(`devices:${account}`, GUESSES_PER_HOUR.knownDevices),
    ];
  }
  return [
    budget(`network:${addressGroup(address)}`, GUESSES_PER_HOUR.network),
    budget(`account:${account}`, GUESSES_PER_HOUR.account),
    budget('everybody', GUESSES_PER_HOUR.everybody),
  ];
}

export function createGuesses({ limiter, clock }: { limiter: Limiter; clock: Clock }): Guesses {
  const giveBack = async (budgets: readonly Budget[]) => {
    for (const { bucket } of budgets) await limiter.giveBack(bucket, 1);
  };
  const spend = ({ bucket, perHour }: Budget) => limiter.spend(bucket, { perHour, perSecond: null }, 1);

  const count = async (budgets: readonly Budget[]): Promise<Attempt> => {
    for (const [index, each] of budgets.entries()) {
      const spending = await spend(each);
      if (spending.allowed) continue;
      await giveBack(budgets.slice(0, index));
      const retryAfterSeconds = Math.max(1, Math.ceil((spending.hourResetAtMs - clock.nowMs()) / 1000));
      throw new Failure('rate_limit_exceeded', 'Too many attempts. Try again later.', { retryAfterSeconds });
    }
    return { giveBack: () => giveBack(budgets) };
  };

  return {
    password: (guess) => count(budgetsOf(guess)),
    signIn: async (userId, knownDevice) => {
      const name = knownDevice === null ? `sign-in:${userId}` : `sign-in:${knownDevice}:${userId}`;
      await count([budget(name, SIGN_INS_PER_HOUR)]);
    },
    code: (userId, knownDevice) => {
      if (knownDevice === null) return count([budget(`code:${userId}`, GUESSES_PER_HOUR.codes)]);
      return count([
        budget(`code:${knownDevice}:${userId}`, GUESSES_PER_HOUR.codes),
        budget(`known-code:${userId}`, GUESSES_PER_HOUR.codesOnKnownDevices),
      ]);
    },
    request: (kind, address) => {
      const network = budget(`${kind}:${addressGroup(address)}`, GUESSES_PER_HOUR.requestsOfNetwork[kind]);
      const isMailing = kind === 'sign_up' || kind === 'recover';
      return count(isMailing ? [network, budget(`${kind}:all`, GUESSES_PER_HOUR.requestsOfEverybody)] : [network]);
    },
    mayMail: async (kind, emailKey) => {
      const name = `mail:${kind}:${sha256Hex(emailKey).slice(0, 32)}`;
      return (await spend(budget(name, GUESSES_PER_HOUR.mailsToAddress))).allowed;
    },
    mayInvite: async (inviter) => (await spend(budget(`invite:${inviter}`, GUESSES_PER_HOUR.invitations))).allowed,
  };
}

import { Failure } from '../failure.ts';

/** One refusal for all that can be wrong: a forger learns nothing from it. `reason` is for the log. */
export function notAccepted(reason: string): Failure {
  return new Failure('invalid_token', 'The access token is not valid.', { cause: reason });
}

/** Why, for the log; the message of any other failure. */
export function reasonOf({ details, message }: Failure): string {
  return typeof details.cause === 'string' ? details.cause : message;
}

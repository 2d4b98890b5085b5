/** What a mail may say: each kind with what it needs to know. */
export interface MailValues {
  sign_up: { link: string };
  sign_up_again: { link: string };
  recover: { link: string };
  verify_email: { link: string };
  change_email: { link: string };
  invitation: { link: string; workspace: string; role: string };
  password_changed: { link: string };
  email_change_asked: { link: string; email: string };
  email_changed: { link: string; email: string };
  factor_added: { link: string; factor: string };
  factor_removed: { link: string; factor: string };
  backup_code_used: { link: string; left: number };
}

export type MailKind = keyof MailValues;

export interface MailText {
  subject: string;
  text: string;
}

const NOT_YOU = 'If this was not you, recover your account at once:';
const IGNORE = 'If you did not ask for this, ignore this mail: nothing happens.';

const lines = (...parts: string[]) => `${parts.join('\n\n')}\n`;
/** Names come from people: no line break of theirs makes a line of ours. */
const plain = (text: string) => text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 100);

const TEXTS: { [K in MailKind]: (values: MailValues[K]) => MailText } = {
  sign_up: ({ link }) => ({
    subject: 'Confirm your account',
    text: lines('Open this link and enter the password that you chose:', link, 'It works for 24 hours.', IGNORE),
  }),
  sign_up_again: ({ link }) => ({
    subject: 'You have an account already',
    text: lines('Somebody, perhaps you, signed up with this address. You have an account. Sign in here:', link, IGNORE),
  }),
  recover: ({ link }) => ({
    subject: 'Choose a new password',
    text: lines('Open this link to choose a new password:', link, 'It works once, for one hour.', IGNORE),
  }),
  verify_email: ({ link }) => ({
    subject: 'Confirm your address',
    text: lines('Open this link to confirm that this address is yours:', link, 'It works for 24 hours.', IGNORE),
  }),
  change_email: ({ link }) => ({
    subject: 'Confirm your new address',
    text: lines('Open this link to sign in with this address from now on:', link, 'It works for 24 hours.', IGNORE),
  }),
  invitation: ({ link, workspace, role }) => ({
    subject: 'You are invited to a workspace',
    text: lines(`You are invited to the workspace "${plain(workspace)}", as ${role}:`, link, IGNORE),
  }),
  password_changed: ({ link }) => ({
    subject: 'Your password was changed',
    text: lines('The password of your account was changed, and all sessions were ended.', NOT_YOU, link),
  }),
  email_change_asked: ({ link, email }) => ({
    subject: 'Your address is about to be changed',
    text: lines(`Your account is to get the address ${plain(email)}, once that is confirmed.`, NOT_YOU, link),
  }),
  email_changed: ({ link, email }) => ({
    subject: 'Your address was changed',
    text: lines(`You now sign in as ${plain(email)}.`, NOT_YOU, link),
  }),
  factor_added: ({ link, factor }) => ({
    subject: 'A way to sign in was added',
    text: lines(`Added to your account: ${plain(factor)}.`, NOT_YOU, link),
  }),
  factor_removed: ({ link, factor }) => ({
    subject: 'A way to sign in was removed',
    text: lines(`Removed from your account: ${plain(factor)}.`, NOT_YOU, link),
  }),
  backup_code_used: ({ link, left }) => ({
    subject: 'A backup code was used',
    text: lines(`A backup code of your account was used; ${left} are left.`, NOT_YOU, link),
  }),
};

export function mailText<K extends MailKind>(kind: K, values: MailValues[K]): MailText {
  return TEXTS[kind](values);
}

/** Where mails lead: pages of this server, each with the token that it is about. */
export const PAGE_PATHS = {
  confirmSignUp: '/sign-up/confirm',
  signIn: '/sign-in',
  recover: '/recover',
  newPassword: '/recover/password',
  verifyEmail: '/email/verify',
  changeEmail: '/email/change',
  invitation: '/invitations/accept',
} as const;

/** Absolute, from the issuer alone: a forged Host cannot lead anybody elsewhere (security E2). */
export function pageLink(issuer: string, page: keyof typeof PAGE_PATHS, token?: string): string {
  return `${issuer}${PAGE_PATHS[page]}${token === undefined ? '' : `?token=${token}`}`;
}

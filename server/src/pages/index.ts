// Boundary: what people see in a browser: signing in and up, second factors, recovery, one's own account, errors. Draws
// pages and reads forms; every deed is a verb of `accounts`. Owns the product's look (`assets/tokens.css`), the texts, the
// tokens of forms, and the cookies that carry a link or a challenge from one page to the next. Keeps nothing.
import type { FailurePage, PageRoute, Route } from '../http/index.ts';
import { applicationPages } from './account/applications.ts';
import { authenticatorPages } from './account/authenticator.ts';
import { backupCodePages } from './account/backup-codes.ts';
import { emailPages } from './account/email.ts';
import { namePages } from './account/name.ts';
import { passkeyPages } from './account/passkeys.ts';
import { passwordPages } from './account/password.ts';
import { proofPages } from './account/proof.ts';
import { securityPages } from './account/security.ts';
import { sessionPages } from './account/sessions.ts';
import { workspacePages } from './account/workspaces.ts';
import { loadAssets } from './assets/assets.ts';
import { assetRoute } from './assets/routes.ts';
import { brandAssets } from './branding/brand.ts';
import { authorizePages } from './consent/authorize.ts';
import { callbackRoute } from './development/callback-page.ts';
import { createMailPage } from './development/mail-page.ts';
import { emailLinkPages } from './entry/email-links.ts';
import { invitationPages } from './entry/invitation.ts';
import { logoutPages } from './entry/logout.ts';
import { recoverPages } from './entry/recover.ts';
import { secondFactorPages } from './entry/second-factor.ts';
import { signInPages } from './entry/sign-in.ts';
import { signOutPages } from './entry/sign-out.ts';
import { signUpPages } from './entry/sign-up.ts';
import { errorCodesRoute } from './error-codes.ts';
import { createFailurePage } from './errors.ts';
import { definePages, type OAuthForPages, type Pages, type PagesDeps } from './surface/page.ts';

export type { OAuthForPages };

export interface ComposedPages {
  routes: PageRoute[];
  failurePage: FailurePage;
  mailPage: ReturnType<typeof createMailPage>;
  errorCodes: Route;
  /** Only in development. */
  devRoutes: Route[];
}

/** `/` leads to the account, and from there to signing in. */
const home = ({ open }: Pages): PageRoute => open('GET', '/', async ({ ui }) => ({ goTo: ui.at('/account') }));

const ROOMS = [
  signInPages,
  secondFactorPages,
  signUpPages,
  recoverPages,
  emailLinkPages,
  invitationPages,
  signOutPages,
  securityPages,
  namePages,
  passwordPages,
  emailPages,
  authenticatorPages,
  backupCodePages,
  passkeyPages,
  proofPages,
  sessionPages,
  workspacePages,
  applicationPages,
  authorizePages,
  logoutPages,
];

export function composePages(options: Omit<PagesDeps, 'assets'>): ComposedPages {
  const assets = new Map([...loadAssets(), ...brandAssets(options.brand)]);
  const deps = { ...options, assets };
  const pages = definePages(deps);
  return {
    routes: [assetRoute(assets), home(pages), ...ROOMS.flatMap((room) => room(deps, pages))],
    failurePage: createFailurePage(deps),
    mailPage: createMailPage(deps),
    errorCodes: errorCodesRoute(deps),
    devRoutes: [callbackRoute(deps)],
  };
}

import { endedCookieLine, endSession } from '../../accounts/index.ts';
import type { PageRoute } from '../../http/index.ts';
import type { Pages, PagesDeps } from '../surface/page.ts';
import { returnTo } from '../surface/return-to.ts';

export function signOutPages({ people }: PagesDeps, { open }: Pages): PageRoute[] {
  return [
    open('POST', '/sign-out', async (asked) => {
      const { session, ui, form } = asked;
      if (session !== null) {
        await endSession(people, asked.visit, { userId: session.userId, sessionId: session.id }, session.id);
        asked.setCookieLine(endedCookieLine(people.issuer()));
      }
      return { goTo: returnTo(form.get('return_to'), ui.at('/sign-in?done=signed_out')) };
    }),
  ];
}

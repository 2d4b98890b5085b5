import { Type } from 'typebox';
import { toTimestamp } from '../../clock.ts';
import { Failure } from '../../failure.ts';
import { type Route, readsPages, route } from '../../http/index.ts';
import type { Outbox } from './outbox.ts';
import type { KeptMail } from './post.ts';

export interface DevMailDeps {
  outbox: Outbox;
  mails(): readonly KeptMail[];
  /** The same for a browser. */
  page?(mails: readonly KeptMail[]): { headers: Readonly<Record<string, string>>; document: string };
}

const LOOPBACK_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i;

const reply = Type.Object({
  data: Type.Array(
    Type.Object({ to: Type.String(), subject: Type.String(), text: Type.String(), sent_at: Type.String() }),
  ),
});

/** A page of another site that made its name mean this machine (DNS rebinding) still sends its own name as Host. */
export function refuseForeignHost(host: string | undefined): void {
  if (!LOOPBACK_HOST.test(host ?? '')) throw new Failure('forbidden', 'Only under a loopback name: use localhost.');
}

/** The mails that a development server keeps instead of sending, newest first. */
export function devMailRoute({ outbox, mails, page }: DevMailDeps): Route {
  return route({
    method: 'GET',
    path: '/dev/mail',
    mounts: ['bare'],
    access: { scope: null, root: 'only', loopback: true, isFree: true },
    tag: 'development',
    summary: 'Mails that were kept instead of sent, newest first',
    reply,
    handler: async ({ header, setHeader }) => {
      refuseForeignHost(header('host'));
      await outbox.sendDue();
      if (page && readsPages({ header })) {
        const { headers, document } = page(mails().toReversed());
        for (const [name, value] of Object.entries(headers)) setHeader(name, value);
        // The schema is that of the JSON reply; what is text already is sent as it is.
        return document as unknown as { data: [] };
      }
      const kept = mails().map(({ to, subject, text, sentAtMs }) => ({
        to,
        subject,
        text,
        sent_at: toTimestamp(sentAtMs),
      }));
      return { data: kept.reverse() };
    },
  });
}

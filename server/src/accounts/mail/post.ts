import type { MailText } from './texts.ts';

export interface Letter extends MailText {
  to: string;
}

/** Hands mails over to whoever delivers them. */
export interface Post {
  /** Resolves when the mail is accepted; rejects when it is to be tried again. */
  send(letter: Letter): Promise<void>;
  close(): void;
}

const TIMEOUT_MS = 15_000;

/** By SMTP; `smtp://user:password@host:587` or `smtps://…`. Loaded at the first mail. */
export function createSmtpPost({ url, from }: { url: string; from: string }): Post {
  const opening = async () => {
    const { createTransport } = await import('nodemailer');
    return createTransport(
      { url, pool: true, connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS },
      { from, disableFileAccess: true, disableUrlAccess: true },
    );
  };
  let transport: ReturnType<typeof opening> | undefined;
  return {
    send: async ({ to, subject, text }) => {
      transport ??= opening();
      await (await transport).sendMail({ to, subject, text });
    },
    close: () => void transport?.then((opened) => opened.close()),
  };
}

/** A mail that was kept instead of sent. */
export interface KeptMail extends Letter {
  sentAtMs: number;
}

const MOST_KEPT = 200;

/** For development: keeps the latest mails in memory, for `/dev/mail`. */
export function createKeptPost(nowMs: () => number): Post & { mails(): readonly KeptMail[] } {
  const kept: KeptMail[] = [];
  return {
    send: async (letter) => {
      kept.push({ ...letter, sentAtMs: nowMs() });
      kept.splice(0, kept.length - MOST_KEPT);
    },
    mails: () => kept,
    close: () => {},
  };
}

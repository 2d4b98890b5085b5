import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** A mail as a real SMTP client (RFC 5321) handed it over. */
export interface ReceivedMail {
  from: string;
  to: string;
  data: string;
}

export interface SmtpSink {
  url: string;
  mails: ReceivedMail[];
  /** Answers `451` to this many mails before it takes one. */
  refuse(times: number): void;
  close(): Promise<void>;
}

/** An SMTP server of a few lines, for what nodemailer really sends. */
export async function startSmtpSink(): Promise<SmtpSink> {
  const mails: ReceivedMail[] = [];
  let refusals = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const mail: ReceivedMail = { from: '', to: '', data: '' };
    let isData = false;
    const say = (line: string) => socket.write(`${line}\r\n`);
    say('220 sink');
    createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      if (isData) {
        if (line !== '.') {
          mail.data += `${line.replace(/^\./, '')}\n`;
          return;
        }
        isData = false;
        if (refusals > 0) {
          refusals -= 1;
          say('451 try again');
        } else {
          mails.push({ ...mail });
          say('250 taken');
        }
        mail.data = '';
        return;
      }
      const command = line.slice(0, 4).toUpperCase();
      if (command === 'MAIL') mail.from = /<([^>]*)>/.exec(line)?.[1] ?? '';
      if (command === 'RCPT') mail.to = /<([^>]*)>/.exec(line)?.[1] ?? '';
      if (command === 'DATA') {
        isData = true;
        say('354 go on');
      } else if (command === 'QUIT') {
        say('221 bye');
        socket.end();
      } else say('250 ok');
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    refuse: (times) => {
      refusals = times;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

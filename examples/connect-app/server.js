import { existsSync, readFileSync } from 'node:fs';
import { createApp } from './app.js';
import { openLatchkey } from './latchkey.js';

const issuer = process.env.LATCHKEY_URL ?? 'http://localhost:4000';
const port = Number(process.env.PORT ?? 8080);

/** The application as it was registered: from the environment, or from the reply that `application.json` keeps. */
function registered() {
  const { CLIENT_ID: clientId, CLIENT_SECRET: clientSecret } = process.env;
  if (clientId && clientSecret) return { clientId, clientSecret, from: 'CLIENT_ID' };
  const file = new URL('./application.json', import.meta.url);
  if (!existsSync(file)) throw new Error('Register the application first: README.md says how.');
  const { client_id: id, client_secret: secret } = JSON.parse(readFileSync(file, 'utf8'));
  return { clientId: id, clientSecret: secret, from: 'application.json' };
}

function cannotStart({ message, cause }) {
  process.stderr.write(`Tally cannot start: ${message}${cause ? ` (${cause.message})` : ''}\n`);
  process.exitCode = 1;
}

try {
  const redirectUri = `http://localhost:${port}/callback`;
  const client = registered();
  const latchkey = await openLatchkey({ issuer, redirectUri, ...client });
  createApp(latchkey).listen(port, 'localhost', (error) => {
    if (error) return cannotStart(error);
    process.stdout.write(
      `Tally is at http://localhost:${port}\nIts client is ${client.clientId}, from ${client.from}\n`,
    );
  });
} catch (error) {
  cannotStart(error);
}

// A peer: better-auth with its api-key plugin on node:sqlite behind node:http, rate limit on (far above what is sent).
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { apiKey } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';

const database = new DatabaseSync(process.env.BENCH_DATABASE);
// As a production installation would have it.
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
const options = {
  baseURL: 'http://127.0.0.1',
  secret: 'only-for-the-benchmark-only-for-the-benchmark',
  database,
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  logger: { disabled: true },
  plugins: [apiKey({ rateLimit: { enabled: true, timeWindow: 3_600_000, maxRequests: 1_000_000_000 } })],
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
const auth = betterAuth(options);
const { user } = await auth.api.signUpEmail({
  body: { email: 'bench@example.com', password: 'bench-password-1', name: 'Bench' },
});
const { key } = await auth.api.createApiKey({ body: { userId: user.id, name: 'bench' } });

const server = createServer(async (request, response) => {
  const presented = request.headers.authorization?.slice('Bearer '.length) ?? '';
  const result = await auth.api.verifyApiKey({ body: { key: presented } });
  const body = JSON.stringify({ valid: result.valid, key_id: result.key?.id ?? null });
  response.writeHead(result.valid ? 200 : 401, { 'content-type': 'application/json' });
  response.end(body);
});
server.listen(Number(process.env.PORT), '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ ready: true, key })}\n`),
);
process.on('SIGTERM', () => process.exit(0));

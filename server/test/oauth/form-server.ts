import type { AddressInfo } from 'node:net';
import { pooledRandom } from '../../src/crypto/index.ts';
import { Failure } from '../../src/failure.ts';
import { createHttpServer, type FormRoute } from '../../src/http/index.ts';
import { createLog } from '../../src/log.ts';
import { manualClock } from '../harness.ts';

const opened: { close(): Promise<void> }[] = [];

export async function closeForms(): Promise<void> {
  for (const app of opened.splice(0)) await app.close();
}

/** The HTTP layer by itself, on a free port, with these endpoints and nothing else; gives its base URL. */
export async function serveForms(routes: FormRoute[], errorDetail: 'full' | 'general' = 'full'): Promise<string> {
  const refuse = () => {
    throw new Failure('missing_token');
  };
  const http = await createHttpServer({
    version: 'test',
    clock: manualClock(),
    randomBytes: pooledRandom(),
    log: createLog('silent', { write: () => true }),
    errorDetail,
    trustProxy: false,
    tls: null,
    issuer: () => 'http://localhost:4000',
    resourceMetadata: () => null,
    authenticate: refuse,
    idempotency: { run: refuse, prune: refuse },
    onAnswered: () => {},
  });
  http.addForms(routes);
  opened.push(http.app);
  await http.app.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(http.app.server.address() as AddressInfo).port}`;
}

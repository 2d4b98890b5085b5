import { expect, test } from 'vitest';
import { type Caller, liftLimits } from './callers.ts';
import type { Dice } from './dice.ts';
import { bytesOf, type Draft } from './draft.ts';
import { fittingValue } from './fitting-values.ts';
import { Lane } from './lane.ts';
import { createLogWatch } from './log-watch.ts';
import { type OpenApiDocument, type Operation, operationsOf } from './operations.ts';
import { preparer } from './prepare.ts';
import { reproductionOf } from './reproduction.ts';
import { SecretBook } from './secrets.ts';
import { PATIENCE_MS, startTarget } from './target.ts';
import { Connection } from './wire.ts';

const LETTERS = ['a', '0', ' ', '-', '.', '_', '/', ':', 'a.', 'a ', '0s', '::', 'é', '1.'];
const HEADERS = ['Authorization', 'X-Request-ID', 'X-API-Version', 'Idempotency-Key', 'Accept', 'Content-Type'];
const GUESSING = ['account', 'login', 'oauth'];
const IDENTITY_HEADERS = ['X-API-Key', 'X-Client-Version', 'X-Forwarded-For', 'Host'];

/** Takes the first of everything, and all that is optional. */
const first: Dice = {
  next: () => 0,
  below: () => 1,
  chance: () => true,
  pick: ([each]) => each as never,
  bytes: (count) => new Uint8Array(count),
};

/** One letter or two, again and again, then something that no pattern goes on with: what backtracking is made of. */
function slowTexts(longest: number): string[] {
  return LETTERS.flatMap((letters) => {
    const whole = letters.repeat(Math.ceil(longest / letters.length)).slice(0, longest);
    return [whole, `${whole.slice(0, -1)}!`];
  });
}

type Path = readonly string[];

/** Where texts stand in a value. */
function textsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => textsIn(each, [...path, name]));
}

function withText(value: unknown, [name, ...rest]: Path, text: string): unknown {
  if (name === undefined) return text;
  if (Array.isArray(value))
    return value.map((each, index) => (String(index) === name ? withText(each, rest, text) : each));
  const fields = value as Record<string, unknown>;
  return { ...fields, [name]: withText(fields[name], rest, text) };
}

function draftOf(operation: Operation, caller: Caller): Draft {
  const { method, template } = operation;
  const shared = { index: 0, query: [], framing: 'whole', saidLength: '', mutations: [] } as const;
  const headers: Draft['headers'] = [['Authorization', `Bearer ${caller.credential}`]];
  const path = template.replace(/\{\w+\}/g, `key_${'0'.repeat(24)}`);
  return { ...shared, query: [], mutations: [], caller, operation, method, path, headers, body: null };
}

/** The operation with each of the texts in each of its fields, parameters and path. */
function* slowDrafts(operation: Operation, caller: Caller, value: unknown): Generator<Draft> {
  const plain = draftOf(operation, caller);
  if (operation.body !== null) {
    const headers: Draft['headers'] = [...plain.headers, ['Content-Type', 'application/json']];
    for (const path of textsIn(value)) {
      for (const text of [...slowTexts(40), ...slowTexts(99), ...slowTexts(190)]) {
        yield { ...plain, headers, body: Buffer.from(JSON.stringify(withText(value, path, text))) };
      }
    }
  }
  for (const parameter of operation.parameters) {
    for (const text of slowTexts(parameter.in === 'path' ? 120 : 1000).map(encodeURIComponent)) {
      if (parameter.in === 'query') yield { ...plain, query: [`${parameter.name}=${text}`] };
      else yield { ...plain, path: operation.template.replace(`{${parameter.name}}`, text) };
    }
  }
}

function* slowHeaders(operation: Operation, caller: Caller): Generator<Draft> {
  const plain = draftOf(operation, caller);
  for (const name of [...HEADERS, ...IDENTITY_HEADERS]) {
    for (const text of slowTexts(4000).map((each) => Buffer.from(each).toString('latin1'))) {
      const kept = plain.headers.filter(([each]) => each !== name);
      yield { ...plain, headers: [...kept, [name, name === 'Authorization' ? `Bearer ${text}` : text]] };
    }
  }
}

// A pattern that runs wild takes years for these texts, not seconds: the test does not measure, it waits in vain.
test('no text makes a pattern slow, wherever it stands (O5)', { timeout: 120_000 }, async () => {
  const log = createLogWatch(new SecretBook());
  const target = await startTarget(log, null);
  const connection = new Connection(target.port, PATIENCE_MS);
  try {
    const prepare = preparer(connection);
    await liftLimits(prepare, target.rootKey);
    const document = (await prepare({ key: null, path: '/openapi.json', status: 200 })) as OpenApiDocument;
    // The twins under /v2 are the same code.
    const operations = operationsOf(document).filter(({ template }) => !template.startsWith('/v2/'));
    const caller = { name: 'root', credential: target.rootKey, workspaceId: null, readsOnly: false, isDead: false };
    const tester = { ...caller, credential: target.testKey };
    const world = {
      callers: [caller],
      scopes: ['read'],
      emails: ['ada@example.com'],
      pinned: new Map(),
      ownWorkspace: target.workspaceId,
      otherWorkspace: 'x',
    };
    const source = { dice: first, lane: new Lane(), world, workspaceId: null } as never;
    const drafts = operations.flatMap((operation) => {
      const value = operation.body && fittingValue('', operation.body, source);
      return [...slowDrafts(operation, operation.tag === 'sandbox' ? tester : caller, value)];
    });
    const verify = operations.find(({ template }) => template === '/v1/auth/verify')!;
    drafts.push(...slowHeaders(verify, tester));
    expect(drafts.length).toBeGreaterThan(3000);
    const answered: Record<string, number> = {};
    for (const draft of drafts) {
      const outcome = await connection.send(bytesOf(draft), false);
      const status = typeof outcome === 'string' ? outcome : outcome.status;
      // Guesses and mails have budgets of their own, which are asked after the text has met its pattern.
      if (status === 429 && GUESSING.includes(draft.operation.tag)) continue;
      answered[status] = (answered[status] ?? 0) + 1;
      if (typeof status === 'string' || status >= 500) throw new Error(`${status}: ${reproductionOf(draft)}`);
    }
    // Refused at the door or by a length alone, no text would have met its pattern.
    for (const status of [200, 201, 404, 422]) expect(answered[status], `status ${status}`).toBeGreaterThan(0);
    expect(answered[429]).toBeUndefined();
    expect(log.problems).toEqual([]);
  } finally {
    connection.close();
    await target.stop();
    target.removeData();
  }
});

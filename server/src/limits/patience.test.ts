import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Patience } from './patience.ts';

let server: Server;
let near: Socket;
let far: Socket;
let lost: unknown[];
let patience: Patience;

beforeEach(async () => {
  server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  const accepted = once(server, 'connection');
  near = connect({ host: '127.0.0.1', port, noDelay: true });
  [far] = (await accepted) as [Socket];
  lost = [];
  patience = new Patience(100, (cause) => lost.push(cause));
});
afterEach(() => {
  near.destroy();
  far.destroy();
  server.close();
});

const answer = async () => String((await once(near, 'data'))[0]);
const ask = (from = answer()) => patience.race(from, async () => 'given up');
/** Holds the whole process up. */
const stall = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test('an answer that arrived while this process was held up counts', async () => {
  const asked = ask();
  far.write('answered');
  stall(300);
  expect([await asked, lost]).toEqual(['answered', []]);
});

test('time in which this process was held up does not count', async () => {
  const asked = ask();
  for (let turns = 0; turns < 3; turns += 1) {
    stall(150);
    await turn();
  }
  far.write('answered');
  expect([await asked, lost]).toEqual(['answered', []]);
});

test('silence gives up all that is awaited, at once and once', async () => {
  const early = [ask(), ask()];
  await Promise.race(early);
  const late = ask();
  expect(await Promise.all(early)).toEqual(['given up', 'given up']);
  expect(lost).toEqual([new Error('no answer within 100 ms')]);
  far.write('answered');
  expect(await late).toBe('answered');
});

test("a failure gives up all that is awaited, and later failures are nobody's", async () => {
  const asked = [ask(Promise.reject(new Error('broken'))), ask(), ask(Promise.reject(new Error('too')))];
  expect(await Promise.all(asked)).toEqual(['given up', 'given up', 'given up']);
  expect(lost).toEqual([new Error('broken')]);
});

test('can be ended from outside', async () => {
  const asked = [ask(), ask()];
  patience.giveUpAll();
  expect(await Promise.all(asked)).toEqual(['given up', 'given up']);
  expect(lost).toEqual([]);
});

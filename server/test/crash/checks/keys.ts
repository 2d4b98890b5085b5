import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../api.ts';
import { allKeys, codeOf, type Key, type Model, type Workspace } from '../model.ts';
import { type Check, type CheckContext, forAll } from './check.ts';

/** A part of the keys that did not change lately is looked at again each time. */
const SAMPLE = 100;
const PAGE = 100;

/** First uses of keys with slow hashes are rationed. */
const RATION_MS = 250;
const TURNS = 80;

async function ask(context: CheckContext, path: string, key: string, json?: unknown): Promise<Answer> {
  const method = json === undefined ? 'GET' : 'POST';
  for (let turn = 0; turn < TURNS; turn += 1) {
    const ending = await context.api.send({ method, path, key, json, requestId: context.newName() });
    if (ending === null) throw new Error(`${path} was not answered after the restart`);
    if (ending.status !== 429) return ending;
    await sleep(RATION_MS);
  }
  throw new Error(`${path} answers 429 for ever`);
}

async function listKeys(context: CheckContext, { id }: Workspace): Promise<Map<string, Record<string, unknown>>> {
  const found = new Map<string, Record<string, unknown>>();
  let cursor: string | null = null;
  do {
    const rest: string = cursor === null ? '' : `&cursor=${cursor}`;
    const path = `/v1/api-keys?workspace_id=${id}&limit=${PAGE}${rest}`;
    const { json } = await ask(context, path, context.model.rootKey);
    for (const key of json.data) found.set(key.id, key);
    cursor = json.next_cursor;
  } while (cursor !== null);
  return found;
}

const shown = ({ name, scopes, metadata, state, successorId }: Key) =>
  JSON.stringify([name, scopes, metadata, state, successorId]);

const asListed = (json: Record<string, unknown>) =>
  JSON.stringify([json.name, json.scopes, json.metadata, json.state, json.successor_id ?? null]);

/** The list of a workspace against the model: nothing lost, nothing there that nobody asked for, values read back. */
async function compareList(context: CheckContext, workspace: Workspace): Promise<void> {
  const { model } = context;
  const listed = await listKeys(context, workspace);
  for (const key of allKeys(model)) {
    if (key.workspace !== workspace || key.state === 'deleted') continue;
    const found = listed.get(key.id);
    listed.delete(key.id);
    if (key.isBusy) continue;
    if (!found) model.violations.push(`key ${key.id} was acknowledged, and is gone`);
    else if (asListed(found) !== shown(key)) {
      model.violations.push(`key ${key.id} should read ${shown(key)}, and reads ${asListed(found)}`);
    }
  }
  for (const [id, found] of listed) {
    if (JSON.stringify(found.metadata).includes('"made"')) {
      model.violations.push(`key ${id} is there, and nobody asked for it: ${asListed(found)}`);
    }
  }
}

async function compareWorkspace(context: CheckContext, workspace: Workspace): Promise<void> {
  const { json } = await ask(context, `/v1/workspaces/${workspace.id}`, context.model.rootKey);
  const state = workspace.isSuspended ? 'suspended' : 'active';
  if (!workspace.isBusy && json.state !== state) {
    context.model.violations.push(`workspace ${workspace.id} should be ${state}, and is ${json.state}`);
  }
}

/** What the server says when the key itself is presented, at the door and through `verify`. */
async function presentKey(context: CheckContext, key: Key): Promise<void> {
  const { model } = context;
  if (key.text === null || key.isBusy || key.workspace.isBusy) return;
  const expected = codeOf(key);
  const question = { key: key.text, cost: 0 };
  const { json } = await ask(context, '/v1/api-keys/verify', model.rootKey, question);
  if (json.code !== expected) {
    model.violations.push(`key ${key.id} should verify as ${expected}, and is ${json.code ?? JSON.stringify(json)}`);
  }
  key.isTouched = false;
  if (expected === 'valid') return;
  const { status } = await ask(context, '/v1/auth/verify', key.text);
  if (status !== 401) model.violations.push(`key ${key.id} is ${expected}, and the door answered ${status}`);
}

function chosen({ model, random, isLast }: CheckContext): Key[] {
  const keys = allKeys(model);
  if (isLast) return keys;
  const touched = keys.filter(({ isTouched }) => isTouched);
  const others = keys.filter(({ isTouched }) => !isTouched);
  const sample = Array.from({ length: Math.min(SAMPLE, others.length) }, () => random.pick(others));
  return [...touched, ...new Set(sample.filter((key) => key !== undefined))];
}

const workspacesOf = ({ lanes }: Model) => lanes.flatMap(({ home, side }) => [home, side]);

export const keysAreAsPromised: Check = async (context) => {
  const workspaces = workspacesOf(context.model);
  await forAll(workspaces, (workspace) => compareWorkspace(context, workspace));
  await forAll(workspaces, (workspace) => compareList(context, workspace));
  await forAll(chosen(context), (key) => presentKey(context, key));
};

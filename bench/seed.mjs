import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function base62(value, length) {
  let rest = value;
  let text = '';
  for (let index = 0; index < length; index += 1) {
    text = ALPHABET[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

function randomText(length) {
  let text = '';
  for (const byte of randomBytes(length)) text += ALPHABET[byte % 62];
  return text;
}

function keyText() {
  const head = `sk_test_${randomText(40)}`;
  return head + base62(crc32(head), 6);
}

/** Copies the first key's row so often, each with a text of its own; returns the file of those texts, a line each. */
export function seedKeys({ folder, workspaceId, count }) {
  const database = new DatabaseSync(join(folder, 'latchkey.sqlite'));
  const [template] = database.prepare('select * from api_keys where workspace_id = ? limit 1').all(workspaceId);
  const columns = Object.keys(template);
  const insert = database.prepare(
    `insert into api_keys (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
  );
  const texts = [];
  database.exec('PRAGMA synchronous = OFF; BEGIN');
  for (let index = 0; index < count; index += 1) {
    const text = keyText();
    texts.push(text);
    const id = `key_${base62(index, 8)}${randomText(16)}`;
    const secretHash = createHash('sha256').update(text).digest('hex');
    const row = { ...template, id, bucket: id, secret_hash: secretHash, hint: `sk_test_…${text.slice(-4)}` };
    insert.run(...columns.map((column) => row[column]));
  }
  database.exec('COMMIT');
  database.close();
  const file = join(folder, 'keys.txt');
  writeFileSync(file, `${texts.join('\n')}\n`, { mode: 0o600 });
  return file;
}

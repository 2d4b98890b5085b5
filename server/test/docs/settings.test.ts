import { expect, test } from 'vitest';
import { SETTINGS } from '../../src/config/index.ts';
import { plain, readDocument, tablesOf } from './documents.ts';

const tables = tablesOf(readDocument('docs/settings.md'));

test('docs/settings.md has every setting with its default and description, and no other', () => {
  const rows = tables.find(({ header }) => header[0] === 'setting')?.rows ?? [];
  const written = rows.map(([name, fallback, secret, description]) => ({ name, fallback, secret, description }));
  const real = SETTINGS.map((setting) => ({
    name: setting.name,
    fallback: plain(setting.default),
    secret: setting.secret ? 'yes' : '',
    description: plain(setting.description),
  }));
  expect(written).toEqual(real);
});

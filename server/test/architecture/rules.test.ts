import { describe, expect, it } from 'vitest';
import { examples, filesOf } from './examples.ts';
import { type RuleName, rules } from './rules.ts';

describe.each(Object.keys(rules) as RuleName[])('%s', (name) => {
  it.each(examples[name])('$files', (example) => {
    const found = rules[name](filesOf(example));
    expect(found).toEqual(example.breaches.map((words) => expect.stringContaining(words)));
  });

  it('has an example that fails', () => {
    expect(examples[name].some(({ breaches }) => breaches.length > 0)).toBe(true);
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accentCss, contrast, GROUNDS, inkOn, readable } from './shades.ts';

const color = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`);

test('contrast is that of WCAG', () => {
  expect(contrast('#000000', '#ffffff')).toBe(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  expect(contrast('#12664f', '#12664f')).toBe(1);
});

test('whatever color an operator chooses, it is seen on every ground and can be written on', () => {
  fc.assert(
    fc.property(color, fc.constantFrom('light' as const, 'dark' as const), (chosen, theme) => {
      for (const ratio of [1.25, 3, 4.5]) {
        const shade = readable(chosen, GROUNDS[theme], ratio);
        for (const ground of GROUNDS[theme]) expect(contrast(shade, ground)).toBeGreaterThanOrEqual(ratio);
        expect(contrast(shade, inkOn(shade))).toBeGreaterThanOrEqual(4.5);
      }
    }),
  );
});

test('a color that is fine stays as it is', () => {
  expect(readable('#12664f', GROUNDS.light, 4.5)).toBe('#12664f');
  const css = accentCss('#ffd400');
  expect(css).toMatch(/^:root\{--accent:#ffd400;.*--accent-ink:#000000;.*\}@media \(prefers-color-scheme:dark\)/);
  expect(css).not.toContain('--accent-text:#ffd400;--focus-color:#ffd400}@media');
  expect(accentCss('#ffffff')).not.toMatch(/^:root\{--accent:#ffffff/);
});

/** The tokens of a theme, as the file has them. */
function tokens(theme: 'light' | 'dark'): Map<string, string> {
  const css = readFileSync(new URL('../assets/tokens.css', import.meta.url), 'utf8');
  const dark = css.indexOf('prefers-color-scheme: dark');
  const part = theme === 'light' ? css.slice(0, dark) : css.slice(dark, css.indexOf('prefers-contrast'));
  const found = [...part.matchAll(/--([\w-]+): (#[0-9a-f]{3,6});/g)].map(([, name = '', value = '']) => {
    return [name, value.length === 4 ? value.replace(/[0-9a-f]/g, '$&$&') : value] as const;
  });
  return new Map(found);
}

test.each(['light', 'dark'] as const)('the %s tokens keep what they promise', (theme) => {
  const of = tokens(theme);
  const get = (name: string) => of.get(name) ?? '#808080';
  expect([get('surface'), get('ground'), get('notice-ground')]).toEqual(GROUNDS[theme]);
  for (const ground of ['surface', 'ground', 'surface-sunken']) {
    for (const ink of ['ink', 'ink-soft', 'accent-text', 'danger']) {
      expect([ink, ground, contrast(get(ink), get(ground)) >= 4.5]).toEqual([ink, ground, true]);
    }
    for (const edge of ['line-strong', 'accent', 'focus-color']) {
      expect([edge, ground, contrast(get(edge), get(ground)) >= 3]).toEqual([edge, ground, true]);
    }
  }
  expect(contrast(get('accent'), get('accent-ink'))).toBeGreaterThanOrEqual(4.5);
  expect(contrast(get('accent-hover'), get('accent-ink'))).toBeGreaterThanOrEqual(4.5);
  for (const kind of ['danger', 'warning']) {
    expect(contrast(get(kind), get(`${kind}-ground`))).toBeGreaterThanOrEqual(4.5);
  }
  expect(contrast(get('ink'), get('notice-ground'))).toBeGreaterThanOrEqual(4.5);
});

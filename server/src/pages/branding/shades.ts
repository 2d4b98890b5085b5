/** sRGB, each 0 to 255. */
type Rgb = readonly [number, number, number];

export const COLOR_FORM = /^#[0-9a-f]{6}$/i;

const rgbOf = (color: string): Rgb => {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
};

const hexOf = (rgb: Rgb) => `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;

/** WCAG 2.2, relative luminance. */
function luminance(color: string): number {
  const [red, green, blue] = rgbOf(color).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** WCAG 2.2, contrast ratio: 1 to 21. */
export function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function mix(color: string, towards: string, share: number): string {
  const [from, to] = [rgbOf(color), rgbOf(towards)];
  const part = (index: 0 | 1 | 2) => from[index] + (to[index] - from[index]) * share;
  return hexOf([part(0), part(1), part(2)]);
}

const STEPS = 50;

/** The color itself, or the nearest shade of it that stands out from every ground by the ratio. */
export function readable(color: string, grounds: readonly string[], ratio: number): string {
  const [first = '#ffffff'] = grounds;
  const towards = luminance(first) > 0.18 ? '#000000' : '#ffffff';
  for (let step = 0; step < STEPS; step += 1) {
    const shade = mix(color, towards, step / STEPS);
    if (grounds.every((ground) => contrast(shade, ground) >= ratio)) return shade;
  }
  return towards;
}

/** What is written on a color: one of the two always reaches 4.5 to 1. */
export function inkOn(color: string): string {
  return contrast(color, '#ffffff') >= 4.5 ? '#ffffff' : '#000000';
}

/** The grounds of `assets/tokens.css`, on which accents stand. */
export const GROUNDS = { light: ['#ffffff', '#f4f6f4', '#edf6f2'], dark: ['#141a17', '#0d1210', '#11241d'] } as const;

/** A button is known by its words, which are always readable on it: it need only not vanish (WCAG 2.2, 1.4.11, note). */
const BUTTON_RATIO = 1.25;
const TEXT_RATIO = 4.5;

function accentOf(color: string, theme: keyof typeof GROUNDS): string {
  const grounds = GROUNDS[theme];
  const accent = readable(color, grounds, BUTTON_RATIO);
  const ink = inkOn(accent);
  const hover = mix(accent, ink === '#ffffff' ? '#000000' : '#ffffff', 0.12);
  const text = readable(color, grounds, TEXT_RATIO);
  return `--accent:${accent};--accent-hover:${hover};--accent-ink:${ink};--accent-text:${text};--focus-color:${text}`;
}

/** The operator's color as tokens for both themes: its own on buttons, shaded for words and edges (WCAG 2.2, 1.4.3). */
export function accentCss(color: string): string {
  const [light, dark] = [accentOf(color, 'light'), accentOf(color, 'dark')];
  return `:root{${light}}@media (prefers-color-scheme:dark){:root{${dark}}}`;
}

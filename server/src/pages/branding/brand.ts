import type { Asset } from '../assets/assets.ts';
import { toAsset } from '../assets/assets.ts';
import { accentCss } from './shades.ts';

/** How the operator wants to be known on the pages. */
export interface Brand {
  name: string;
  /** `#rrggbb`; null: Latchkey's own. */
  color: string | null;
  /** A picture from a file, or an https URL; null: Latchkey's mark beside the name. */
  logo: { file: string; bytes: Uint8Array } | { url: string } | null;
}

/** What the pages link to because of the brand. */
export function brandAssets({ color, logo }: Brand): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  if (color !== null) assets.set('brand.css', toAsset('brand.css', Buffer.from(accentCss(color))));
  if (logo !== null && 'bytes' in logo) {
    const extension = logo.file.slice(logo.file.lastIndexOf('.') + 1).toLowerCase();
    assets.set('logo', toAsset(`logo.${extension}`, logo.bytes));
  }
  return assets;
}

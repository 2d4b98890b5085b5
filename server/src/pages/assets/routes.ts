import type { PageRoute } from '../../http/index.ts';
import type { Assets } from './assets.ts';

const YEAR_SECONDS = 31_536_000;

/** Assets never change under their names, so nobody asks for one twice. An SVG opened by itself runs nothing. */
export function assetRoutes(assets: Assets): PageRoute[] {
  return [...assets.values()].map(({ path, type, etag, bytes }) => ({
    method: 'GET',
    path,
    handler: ({ header }) => {
      const headers = {
        'cache-control': `public, max-age=${YEAR_SECONDS}, immutable`,
        etag,
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
      };
      if (header('if-none-match') === etag) return { status: 304, headers, cookies: [], body: '' };
      return { status: 200, headers: { ...headers, 'content-type': type }, cookies: [], body: bytes };
    },
  }));
}

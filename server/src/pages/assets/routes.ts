import { Failure } from '../../failure.ts';
import type { PageReply, PageRoute } from '../../http/index.ts';
import type { Asset, Assets } from './assets.ts';

const YEAR_SECONDS = 31_536_000;

/** It never changes under its name, so nobody asks for it twice. An SVG opened by itself runs nothing. */
function send({ type, etag, bytes }: Asset, known: string | undefined): PageReply {
  const headers = {
    'cache-control': `public, max-age=${YEAR_SECONDS}, immutable`,
    etag,
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    'cross-origin-resource-policy': 'same-origin',
  };
  if (known === etag) return { status: 304, headers, cookies: [], body: '' };
  return { status: 200, headers: { ...headers, 'content-type': type }, cookies: [], body: bytes };
}

/** One route for all, so that what is measured by route does not grow with every version. */
export function assetRoute(assets: Assets): PageRoute {
  const byPath = new Map([...assets.values()].map((asset) => [asset.path, asset]));
  return {
    method: 'GET',
    path: '/assets/:name',
    handler: ({ params, header }) => {
      const asset = byPath.get(`/assets/${params.name}`);
      if (!asset) throw new Failure('not_found', 'There is no such path.');
      return send(asset, header('if-none-match'));
    },
  };
}

import type { Asked } from '../surface/page.ts';
import { returnTo } from '../surface/return-to.ts';
import { forgetWay, keepWay } from '../surface/way-out.ts';

/** Where a person goes once they are in: a path of this server. */
export function wayIn({ form, query, ui }: Asked): string {
  return returnTo(form.get('return_to') ?? query.get('return_to'), ui.at('/account'));
}

/** Another page on the way in, that still knows where it leads. */
export function pathAfter(asked: Asked, path: string): string {
  const way = wayIn(asked);
  return way === asked.ui.at('/account')
    ? asked.ui.at(path)
    : `${asked.ui.at(path)}?return_to=${encodeURIComponent(way)}`;
}

/** Whoever leaves for their mailbox goes on afterwards where an application waits for them. */
export function keepWayOf(asked: Asked): void {
  if (asked.wayOut !== null) keepWay({ setCookie: asked.setCookie, way: wayIn(asked) });
  else forgetWay(asked);
}

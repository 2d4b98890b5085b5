/** Makes keys at a steady rate until stopped; each is on disk before it is counted. Resolves with how many were made. */
export function keepWriting({ url, key }, perSecond) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'bench', scopes: [] });
  let made = 0;
  const open = new Set();
  const write = async () => {
    const response = await fetch(`${url}/v1/api-keys`, { method: 'POST', headers, body });
    await response.arrayBuffer();
    if (response.status === 201) made += 1;
  };
  const startedMs = performance.now();
  let begun = 0;
  // Spread evenly, as callers are; a timer that comes late makes up for it.
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1000) * perSecond;
    for (; begun < due; begun += 1) {
      const writing = write().finally(() => open.delete(writing));
      open.add(writing);
    }
  }, 2);
  return async () => {
    clearInterval(timer);
    await Promise.all(open);
    return made;
  };
}

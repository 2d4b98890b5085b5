function note(row) {
  const { ratio, ratio_to: to, p99_ratio: p99, ceiling, bytes_per_cached_key: bytes, meanwhile } = row;
  const parts = [];
  if (ratio !== undefined) parts.push(`${ratio} of ${to}`);
  if (ceiling !== undefined) parts.push(`${row.ceiling_ratio} of ${ceiling}`);
  if (bytes !== undefined) parts.push(`${bytes} bytes of memory a key`);
  if (meanwhile !== undefined) parts.push(`p99 ${p99} times as long; ${meanwhile} meanwhile`);
  return parts.join('; ');
}

/** The result as Markdown. */
export function table({ rows, starts, machine, versions, settings }) {
  const { connections, rounds, seconds } = settings;
  const pinned = machine.pinned ? ', server and load each on its own core' : '';
  const { better_auth: betterAuth, oidc_provider: oidcProvider } = versions;
  const peers = [betterAuth && `, better-auth ${betterAuth}`, oidcProvider && `, oidc-provider ${oidcProvider}`];
  const lines = [
    `${machine.cpu}, ${machine.memory_gib} GiB, ${machine.kernel}, Node ${versions.node}, Fastify ${versions.fastify}${peers.filter(Boolean).join('')}.`,
    `${connections} connections, ${rounds} rounds of ${seconds} s, medians${pinned}.`,
    '',
    '| row | requests/s | p50 ms | p99 ms | compared |',
    '| --- | --: | --: | --: | --- |',
    ...rows.map((row) => {
      const { name, requests_per_second: rate, p50_ms: p50 = '', p99_ms: p99 = '' } = row;
      return `| ${name} | ${rate ?? row.operations_per_second} | ${p50} | ${p99} | ${note(row)} |`;
    }),
  ];
  if (starts.length > 0) {
    lines.push('', '| server | start to first answer, ms | resident memory, MiB |', '| --- | --: | --: |');
    lines.push(...starts.map(({ name, start_ms: start, resident_mib: mib }) => `| ${name} | ${start} | ${mib} |`));
  }
  return `${lines.join('\n')}\n`;
}

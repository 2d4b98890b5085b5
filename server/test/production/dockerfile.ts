import { readFileSync } from 'node:fs';

/** One instruction of a Dockerfile: `COPY`, and what stands behind it on one line. */
export interface Instruction {
  name: string;
  text: string;
}

export interface Stage {
  image: string;
  alias: string;
  instructions: Instruction[];
}

/** The stages of a Dockerfile in their order; comments gone, continued lines joined. */
export function readDockerfile(path: string): Stage[] {
  const text = readFileSync(path, 'utf8')
    .replace(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '');
  const stages: Stage[] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, name = '', rest = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [image = '', , alias = ''] = rest.split(/ +/);
      stages.push({ image, alias, instructions: [] });
    } else stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}

/** The words of an instruction in exec form, `["node", "…"]`. */
export const wordsOf = (text: string): string[] => JSON.parse(text.slice(text.indexOf('[')));

/** What `ENV` sets. */
export function environmentOf({ instructions }: Stage): Record<string, string> {
  const pairs = instructions.filter(({ name }) => name === 'ENV').flatMap(({ text }) => text.trim().split(/ +/));
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

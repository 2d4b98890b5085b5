import type { Setting } from '../config/index.ts';
import { commandHelp, groupHelp, overviewHelp, topicsOf } from './help.ts';
import { findCommand, noSuchCommand } from './parse.ts';
import type { CommandFacts } from './specs.ts';
import type { Style } from './style.ts';

/** The help that these words ask for: a command, a group of commands, a topic, or all. Throws `UsageError`. */
export function helpFor(
  commands: readonly CommandFacts[],
  settings: readonly Setting[],
  words: readonly string[],
  style: Style,
): string {
  const asked = words[0] === 'help' ? words.slice(1) : words;
  const topics = topicsOf(settings);
  const [first] = asked;
  if (first === undefined) return overviewHelp(commands, topics, style);
  const found = findCommand(commands, asked);
  if (found) return commandHelp(found[0], style);
  const verbs = commands.filter(({ path }) => path.startsWith(`${first} `));
  if (verbs.length > 0 && asked.length === 1) return groupHelp(first, verbs, style);
  const topic = topics.find(({ name }) => name === first);
  if (topic) return topic.text(style);
  throw noSuchCommand(commands, asked);
}

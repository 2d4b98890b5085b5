import { afterEach, describe, expect, test } from 'vitest';
import { type DocumentedServer, startDocumentedServer } from './documented-server.ts';
import { documentPaths, readBlocks, readDocument } from './documents.ts';
import { compareReply, exportsOf, pattern, type Snippet, snippetsOf, valueAt } from './snippets.ts';

const paths = documentPaths();
const runnable = paths.filter((path) => snippetsOf(readDocument(path)).length > 0);

let server: DocumentedServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** A reader who does all that a document says, from its top. */
class Reader {
  readonly #server: DocumentedServer;
  readonly #variables: Record<string, string> = {};
  #reply: unknown;

  constructor(documented: DocumentedServer) {
    this.#server = documented;
  }

  async follow(snippet: Snippet, where: string): Promise<void> {
    const { kind, name, text } = snippet;
    if (kind === 'file') return this.#server.save(name, text);
    if (kind === 'set') return this.#copy(snippet, where);
    const reply = snippet.reply && { ...snippet.reply, text: this.#server.localize(snippet.reply.text) };
    const lines = reply?.text.split('\n').length ?? 0;
    const written =
      kind === 'run'
        ? await this.#server.run(text, this.#variables)
        : await this.#server.background(text, this.#variables, lines);
    this.#reply = compareReply(written, reply, where);
  }

  #copy(snippet: Snippet, where: string): void {
    for (const { name, example, source, path } of exportsOf(snippet)) {
      const value = source === 'reply' ? valueAt(this.#reply, path) : this.#server.printedAs(path);
      expect(value, `${where}: ${path}`).toMatch(pattern(example));
      this.#variables[name] = String(value);
    }
  }
}

// Readers go from one guide to the next on the same server, and some of the guides make a workspace.
const AMONG_OTHERS = /guides\/(?:protect|issue|rotate|limits|going|third|service)/;
const MAKE_ANOTHER =
  `curl -H "Authorization: Bearer $ROOT_KEY" -H 'Content-Type: application/json' ` +
  `-d '{"name":"Of another guide"}' http://localhost:4000/v1/workspaces`;

describe.each(runnable)('the snippets of %s', (path) => {
  test('answer as it says', async () => {
    server = await startDocumentedServer();
    if (AMONG_OTHERS.test(path)) {
      const made = await server.run(MAKE_ANOTHER, { ROOT_KEY: server.printedAs('Root key') });
      expect(made).toContain('"id":"ws_');
    }
    const reader = new Reader(server);
    for (const snippet of snippetsOf(readDocument(path))) await reader.follow(snippet, `${path}:${snippet.line}`);
  });
});

test('no guide shows a command that is not run', () => {
  const guides = paths.filter((path) => path.startsWith('docs/guides/'));
  expect(guides).not.toEqual([]);
  for (const path of guides) {
    const commands = readBlocks(readDocument(path)).fences.filter(({ info }) =>
      /^(?:sh|bash|js|python|csv)\b/.test(info),
    );
    const run = snippetsOf(readDocument(path)).map(({ line }) => line);
    expect(
      commands.map(({ line }) => line),
      path,
    ).toEqual(run);
  }
});

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

/** Which scopes each tool needs. One that is not named here is nobody's. */
const NEEDS = {
  list_notes: ['notes:read'],
  add_note: ['notes:write'],
  count_projects: ['notes:read'],
};

export const SCOPES = [...new Set(Object.values(NEEDS).flat())];

/** What a client asks for at first; more when a tool needs it. */
export const FIRST_SCOPES = ['notes:read'];

export const scopesOf = (tool) => NEEDS[tool] ?? [];

const text = (value) => ({ content: [{ type: 'text', text: value }] });

/**
 * Another API, called with a credential of this server's own. The token that came in was made for this server, and goes nowhere
 * else: whoever got it there could use it here.
 */
async function countProjects({ url, key }) {
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  if (!response.ok) throw new Error(`The projects cannot be read (${response.status}).`);
  const { data } = await response.json();
  return data.length;
}

/** A server for one request: whose it is, is in `extra.authInfo` of each call. */
export function createTools({ notes, upstream }) {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  const own = ({ authInfo }) => {
    const { person, workspace } = authInfo.extra;
    const shelf = `${workspace} ${person}`;
    if (!notes.has(shelf)) notes.set(shelf, []);
    return notes.get(shelf);
  };
  server.registerTool('list_notes', { description: 'List your notes' }, (extra) => text(own(extra).join('\n')));
  server.registerTool(
    'add_note',
    { description: 'Add a note', inputSchema: { text: z.string().min(1).max(1000) } },
    ({ text: note }, extra) => text(`You have ${own(extra).push(note)} notes.`),
  );
  if (upstream !== null) {
    server.registerTool('count_projects', { description: 'Count the projects of the team' }, async () =>
      text(`There are ${await countProjects(upstream)} projects.`),
    );
  }
  return server;
}

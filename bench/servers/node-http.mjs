// Ceiling: what one core of Node can answer at all, with a reply of the same size.
import { createServer } from 'node:http';
import { REPLY } from './reply.mjs';

const body = JSON.stringify(REPLY);
const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) };
const server = createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.stdout.write('{"ready":true}\n'));
process.on('SIGTERM', () => process.exit(0));

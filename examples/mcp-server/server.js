import { createApp } from './app.js';
import { readSettings } from './settings.js';

const settings = readSettings(process.env);

createApp(settings).listen(settings.port, 'localhost', (error) => {
  if (error) {
    process.stderr.write(`The MCP server cannot start: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  process.stdout.write(`The MCP server is at ${settings.resource}\n`);
});

// Boundary: the commands about resources, the APIs that tokens are for. What may be written is decided by the server.
import { resourcesCreate } from './create.ts';
import { resourcesDelete } from './delete.ts';
import { resourcesGet } from './get.ts';
import { resourcesList } from './list.ts';
import { resourcesUpdate } from './update.ts';

export const resourceCommands = [resourcesList, resourcesGet, resourcesCreate, resourcesUpdate, resourcesDelete];

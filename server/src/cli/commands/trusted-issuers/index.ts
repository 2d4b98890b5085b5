// Boundary: the commands about trusted issuers, whose JWTs are accepted. What may be registered is decided by the server.
import { trustedIssuersCreate } from './create.ts';
import { trustedIssuersDelete } from './delete.ts';
import { trustedIssuersGet } from './get.ts';
import { trustedIssuersList } from './list.ts';
import { trustedIssuersUpdate } from './update.ts';

export const trustedIssuerCommands = [
  trustedIssuersList,
  trustedIssuersGet,
  trustedIssuersCreate,
  trustedIssuersUpdate,
  trustedIssuersDelete,
];

import { idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { closed, nullable, oneOf } from '../../http/index.ts';
import { PASSWORD_MAX_LENGTH } from '../passwords/policy.ts';
import { LONGEST_PERSON_NAME } from '../users/rename-self.ts';

export const Email = Type.String({ minLength: 3, maxLength: 254 });
/** At least one, so that an old account's short one can still be typed; the rules for new ones are the verbs'. */
export const Password = Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH });
export const PersonName = Type.String({ minLength: 1, maxLength: LONGEST_PERSON_NAME, pattern: '\\S' });
export const Token = Type.String({ minLength: 43, maxLength: 43, pattern: '^[\\w-]+$' });
export const Otp = Type.String({ minLength: 6, maxLength: 40 });
export const Environment = oneOf('test', 'live');
export const sessionParams = Type.Object({ id: Type.String({ pattern: idPattern('session') }) });
export const passkeyParams = Type.Object({ id: Type.String({ pattern: idPattern('passkey') }) });
export const nothing = Type.Object({}, closed);

export const sessionReply = Type.Object({
  id: Type.String(),
  kind: oneOf('cookie', 'tokens'),
  device: Type.String(),
  address: Type.String(),
  methods: Type.Array(Type.String()),
  workspace_id: nullable(Type.String()),
  environment: Environment,
  created_at: Type.String(),
  last_seen_at: Type.String(),
  expires_at: Type.String(),
  current: Type.Boolean(),
});

export const selfReply = Type.Object({
  id: Type.String(),
  email: Type.String(),
  email_verified: Type.Boolean(),
  name: nullable(Type.String()),
  state: oneOf('active', 'disabled'),
  second_factors: Type.Array(Type.String()),
  has_password: Type.Boolean(),
  created_at: Type.String(),
});

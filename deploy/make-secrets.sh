#!/bin/sh
# Makes what deploy/compose.yaml reads, in deploy/secrets/. What is there already is kept.
# It needs the command `latchkey`: named by COMMAND, else the image that deploy/compose.yaml builds.
set -eu
cd "$(dirname "$0")"
latchkey=${COMMAND:-docker run --rm latchkey:0.1.0}

mkdir -p -m 0700 secrets
cd secrets
if [ -e root-key ]; then
  echo "secrets/ is complete already; nothing was changed" >&2
  exit 0
fi

if [ -n "$(ls -A)" ]; then
  echo "secrets/ has no root-key, and other files: put it back; or, if nothing was ever started with them," >&2
  echo "remove the folder and run this again" >&2
  exit 1
fi

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# Containers run as users of their own, and read these through the closed folder.
umask 0222
generated=$($latchkey secrets generate)
postgres=$(random)
valkey=$(random)
printf '%s\n' "$generated" | sed -n 's/^LATCHKEY_ENCRYPTION_KEYS=//p' > encryption-keys
printf '%s\n' "$postgres" > postgres-password
printf 'postgres://latchkey:%s@postgres:5432/latchkey\n' "$postgres" > database-url
printf 'redis://:%s@valkey:6379\n' "$valkey" > redis-url
printf 'requirepass %s\nsave ""\nappendonly no\nmaxmemory-policy noeviction\n' "$valkey" > valkey-conf
# Last, because it says that all are there.
printf '%s\n' "$generated" | sed -n 's/^LATCHKEY_ROOT_KEY=//p' > root-key
echo "made secrets/: keep a copy of root-key and encryption-keys where you keep secrets" >&2

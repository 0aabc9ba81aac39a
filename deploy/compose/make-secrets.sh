#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet; changes none that are.
#
# The container's user reads them as they are mounted, so the directory is closed to
# others of this machine and the files in it are not.
set -eu
cd "$(dirname "$0")"

mkdir -p secrets
chmod 0700 secrets

random() { head -c 48 /dev/urandom | base64 | tr -d '\n/+=' | head -c 50; }

for name in database_password secret_key; do
  [ -s "secrets/$name" ] || random >"secrets/$name"
done
# The destinations, as DATA_SHARING in docs/settings.md, in JSON.
[ -s secrets/data_sharing.json ] || echo '{}' >secrets/data_sharing.json
# For files in object storage: aws_access_key_id and aws_secret_access_key in [default].
[ -e secrets/object_storage ] || : >secrets/object_storage
chmod 0444 secrets/*
echo "secrets/ is complete; the accounts on other TOMs belong into data_sharing.json."

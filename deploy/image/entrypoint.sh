#!/bin/sh
# The entry point of the image: takes secrets from files, and becomes the command.
#
# For each NAME_FROM_FILE in the environment, NAME gets what the file holds, without the
# line ends at its end. So secrets need not stand in the description of a container, which
# `docker inspect` shows.
set -eu

for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)_FROM_FILE=.*/\1/p'); do
  eval "file=\${${name}_FROM_FILE}"
  [ -n "$file" ] || continue
  if ! [ -r "$file" ]; then
    echo "${name}_FROM_FILE names $file, which cannot be read." >&2
    exit 1
  fi
  value=$(cat "$file")
  export "$name=$value"
  unset "${name}_FROM_FILE"
done

exec "$@"

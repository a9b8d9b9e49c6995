#!/bin/sh
# The pooler through which the tests reach PostgreSQL as well as directly.
set -eu
PATH="$PATH:/usr/sbin"
command -v pgbouncer >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq pgbouncer >/dev/null
    exit 0
fi
echo "pgbouncer is missing: as root, apt-get install pgbouncer" >&2
exit 1

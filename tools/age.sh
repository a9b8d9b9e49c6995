#!/bin/sh
# The tool that is not ours, with which the tests open backups.
set -eu
command -v age >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq age >/dev/null
    exit 0
fi
echo "age is missing: as root, apt-get install age" >&2
exit 1

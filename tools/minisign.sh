#!/bin/sh
# The tool that is not ours, with which the tests check signatures.
set -eu
command -v minisign >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq minisign >/dev/null
    exit 0
fi
echo "minisign is missing: as root, apt-get install minisign" >&2
exit 1

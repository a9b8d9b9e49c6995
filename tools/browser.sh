#!/bin/sh
# A browser for the sandbox's tests: the distribution's Chromium, installed if we may.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
else
    echo "Chromium is missing: as root, apt-get install chromium" >&2
    exit 1
fi

#!/bin/sh
# What pip cannot install: the module that makes virtual environments, on a bare Debian.
set -eu
PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
    else
        echo "python3-venv is missing: as root, apt-get install python3-venv" >&2
        exit 1
    fi
fi

#!/bin/sh
# A browser for the sandbox's tests: the distribution's Chromium if we may install it, else
# Playwright's own, else a word about what to do.
set -eu
command -v chromium >/dev/null && exit 0
[ -x .venv/bin/chromium ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
    exit 0
fi
if .venv/bin/playwright install chromium >/dev/null 2>&1; then
    own=$(.venv/bin/python -c 'from playwright.sync_api import sync_playwright as start
with start() as p: print(p.chromium.executable_path)')
    ln -s "$own" .venv/bin/chromium
    exit 0
fi
echo "Chromium is missing: as root, apt-get install chromium" >&2
exit 1

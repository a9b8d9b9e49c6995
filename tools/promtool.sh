#!/bin/sh
# The tool that is not ours, with which the tests read metrics and alert rules. The package brings a server
# and its web pages as well; the one program is all that is taken out of it.
set -eu
command -v promtool >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    apt-get update -qq
    (cd "$folder" && apt-get download -qq prometheus 2>/dev/null && dpkg-deb -x prometheus_*.deb .)
    install -m 755 "$folder/usr/bin/promtool" /usr/local/bin/promtool
    exit 0
fi
echo "promtool is missing: as root, apt-get install prometheus" >&2
exit 1

#!/bin/sh
# The tool that is not ours, with which the tests look for metadata.
set -eu
command -v exiftool >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libimage-exiftool-perl >/dev/null
    exit 0
fi
echo "exiftool is missing: as root, apt-get install libimage-exiftool-perl" >&2
exit 1

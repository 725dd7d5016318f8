#!/bin/sh
# Chromium for the browser tests, and a font that has Chinese. Debian's packages where this is root on Debian.
set -eu
has_font() { command -v fc-list >/dev/null 2>&1 && fc-list :lang=zh family 2>/dev/null | grep -q .; }
if command -v chromium >/dev/null 2>&1 && has_font; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fontconfig fonts-noto-cjk >/dev/null
    exit 0
fi
echo "the browser tests need chromium and a Chinese font: install the packages chromium and fonts-noto-cjk" >&2
exit 1

#!/bin/sh
# Installs wrk, which the benches send reviews with, on Debian as root; else says what to install.
command -v wrk >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends wrk >/dev/null && exit 0
fi
echo "wrk is missing: install the package wrk" >&2
exit 1

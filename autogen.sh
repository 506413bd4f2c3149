#!/bin/sh
# Makes configure and its helpers in a git checkout; a tarball has them.
set -e
cd "$(dirname "$0")"
exec autoreconf -fi

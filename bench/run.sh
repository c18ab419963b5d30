#!/usr/bin/env bash
# The side-by-side benchmark, from any folder; see README.md here, or --help.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec go run ./bench "$@"

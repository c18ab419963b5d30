#!/usr/bin/env bash
# Tests what deploy/ has for Kubernetes: the images, that a second build of them in
# another folder is the same byte by byte, manifests, chart and policy.
#
#   test/manifests/run.sh [arguments for go test]
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export GOWORK=off CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -buildvcs=false"

echo "--- tools/image"
(cd tools/image && go vet ./... && go test ./...)

echo "--- images, twice"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VERSION=0.0.0-test REVISION=none SOURCE_DATE_EPOCH=1700000000
mkdir "$work/elsewhere"
find . -path './.?*' -prune -o -path ./bin -prune -o -type f -print0 | tar -cf - --null -T - | tar -xf - -C "$work/elsewhere"
OUT=$work/one deploy/docker/build.sh
OUT=$work/two "$work/elsewhere/deploy/docker/build.sh"
for file in "$work"/one/*; do
	cmp "$file" "$work/two/$(basename "$file")"
	tar -tf "$file" >/dev/null 2>&1 || case $file in *.tar) echo "$file: tar(1) can't read it" >&2; exit 1 ;; esac
done

echo "--- test/manifests"
cd test/manifests
go vet ./...
go test "$@" ./...

#!/usr/bin/env bash
# Builds bin/wayside-agent_VERSION_ARCH.deb, from any folder:
#
#   deploy/debian/build.sh [ARCH...]     amd64 arm64
#
# VERSION is the package's; without it, it is made of the last tag or the commit.
# OUT (bin) is where the packages go. Two builds of a commit are the same, byte by
# byte: every time in a package is SOURCE_DATE_EPOCH, by default the commit's.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

[ $# -gt 0 ] || set -- amd64 arm64
: "${OUT:=bin}"
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}"
if [ -z "${VERSION:-}" ]; then
	VERSION=$(git describe --tags --match 'v*' 2>/dev/null | sed 's/^v//; s/-\([0-9]*\)-g/+\1.g/') || true
	: "${VERSION:=0.0.0+$(git log -1 --format=%cd.%h --date=format:%Y%m%d 2>/dev/null || echo unknown)}"
fi
BUILD=$(mktemp -d)
trap 'rm -rf "$BUILD"' EXIT
export VERSION BUILD SOURCE_DATE_EPOCH

mkdir -p "$OUT"
umask 022
cat >"$BUILD/changelog" <<EOF
wayside-agent ($VERSION) unstable; urgency=medium

  * https://github.com/wayside-tracing/wayside/blob/main/CHANGELOG.md

 -- Wayside maintainers <maintainers@wayside.dev>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
EOF
cp deploy/debian/wayside-agent.1 "$BUILD"
gzip -9n "$BUILD/changelog" "$BUILD/wayside-agent.1"

for ARCH in "$@"; do
	export ARCH
	CGO_ENABLED=0 GOOS=linux GOARCH=$ARCH go build -trimpath -ldflags "-s -w" -o "$BUILD/wayside-agent" ./cmd/wayside-agent
	touch -d "@$SOURCE_DATE_EPOCH" "$BUILD"/*
	go tool -modfile=tools/nfpm/go.mod nfpm package --config deploy/debian/nfpm.yaml --packager deb \
		--target "$OUT/wayside-agent_${VERSION}_$ARCH.deb"
done

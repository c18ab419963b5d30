#!/usr/bin/env bash
# Builds container images without a container engine, from any folder:
#
#   deploy/docker/build.sh [agent] [operator]     both
#
# For each there are bin/wayside-NAME.tar, which `ctr images import`, `docker load`
# and `podman load` take as wayside-NAME:dev, for amd64 and arm64; and
# bin/wayside-NAME.cdx.json, what is in it (CycloneDX).
#
# VERSION and REVISION are labels; without them, they are made of the last tag and
# the commit. TAG (dev), OUT (bin) and ARCHES (amd64 arm64; the first is what a Docker
# without platforms gets) can be set. Two builds of a commit with the same Go are
# the same, byte by byte: every time is SOURCE_DATE_EPOCH, by default the commit's.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

: "${GO:=go}" "${TAG:=dev}" "${OUT:=bin}" "${ARCHES:=amd64 arm64}"
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}"
: "${REVISION:=$(git rev-parse HEAD 2>/dev/null || true)}"
if [ -z "${VERSION:-}" ]; then
	VERSION=$(git describe --tags --match 'v*' 2>/dev/null | sed 's/^v//; s/-\([0-9]*\)-g/+\1.g/') || true
	: "${VERSION:=0.0.0+$(git log -1 --format=%cd.%h --date=format:%Y%m%d 2>/dev/null || echo unknown)}"
fi
BUILD=$(mktemp -d)
trap 'rm -rf "$BUILD"' EXIT

# pack NAME TITLE [flags for tools/image]: one program for each of ARCHES, made by NAME's function.
pack() {
	local name=$1 title=$2 arch programs=()
	shift 2
	for arch in $ARCHES; do
		mkdir -p "$BUILD/$arch"
		GOOS=linux GOARCH=$arch "$name" "$BUILD/$arch/wayside-$name"
		programs+=("linux/$arch=$BUILD/$arch/wayside-$name")
	done
	"$BUILD/image" -o "$OUT/wayside-$name.tar" -name "wayside-$name:$TAG" -title "$title" -version "$VERSION" \
		-revision "$REVISION" -created "$SOURCE_DATE_EPOCH" "$@" "${programs[@]}"
	ls -l "$OUT/wayside-$name.tar"
}

agent() { GO=$GO cmd/wayside-agent/build.sh "$1"; }

operator() { CGO_ENABLED=0 "$GO" build -trimpath -ldflags "-s -w" -o "$1" ./cmd/wayside-operator; }

[ $# -gt 0 ] || set -- agent operator
mkdir -p "$OUT"
(cd tools/image && GOWORK=off CGO_ENABLED=0 "$GO" build -trimpath -buildvcs=false -o "$BUILD/image" .)
for name in "$@"; do
	case $name in
	agent) pack agent "trace agent that stands beside applications" -roots -max 12000000 ;;
	operator)
		if [ ! -d cmd/wayside-operator ]; then
			echo "no image of wayside-operator: cmd/wayside-operator is not there" >&2
			continue
		fi
		pack operator "runs Wayside's trace agents on Kubernetes"
		;;
	*)
		echo "there is no image \"$name\"; there are: agent operator" >&2
		exit 2
		;;
	esac
done

#!/usr/bin/env bash
# Builds the programs that Wayside is tested and measured against, from their Go modules, once: what is built is kept in
# the user's cache folder under a name that changes with its version and sources. Prints a path a line, in the order asked.
#
#   test/peers/build.sh [jaeger-agent | jaeger-all-in-one | otelcol]...       (none named: all three)
#
# It needs Go and, the first time, the module proxy. The first build takes some minutes a program on two cores.
set -euo pipefail
shopt -s nullglob

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wayside/peers

# module and package of each peer, and the required module whose version it carries
describe() {
	case $1 in
	jaeger-agent) folder=jaeger package=github.com/jaegertracing/jaeger/cmd/agent versioned=github.com/jaegertracing/jaeger ;;
	jaeger-all-in-one) folder=jaeger package=github.com/jaegertracing/jaeger/cmd/all-in-one versioned=github.com/jaegertracing/jaeger ;;
	otelcol) folder=otelcol package=. versioned=go.opentelemetry.io/collector/otelcol ;;
	*)
		echo "build.sh: no peer is called \"$1\": use jaeger-agent, jaeger-all-in-one or otelcol" >&2
		exit 2
		;;
	esac
}

# sha256 prints the digest of its input: sha256sum on Linux, shasum on macOS.
sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-12; }

build() {
	local name=$1 folder package versioned version hash path
	describe "$name"
	cd "$here/$folder"
	version=$(awk -v m="$versioned" '$1 == m { print $2; exit }' go.mod)
	hash=$({ echo "$name" "$(uname -sm)" && cat go.mod go.sum ./*.go; } | sha256)
	path=$cache/$name-$version-$hash
	if [[ ! -x $path ]]; then
		mkdir -p "$cache"
		# Two runs at once build once where flock exists; without it both build, and the rename keeps either whole.
		exec 9>"$path.lock"
		if command -v flock >/dev/null; then flock 9; fi
		if [[ ! -x $path ]]; then
			echo "building $name $version (once; it takes some minutes) ..." >&2
			local fresh=$path.$$
			if ! CGO_ENABLED=0 GOWORK=off nice go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$fresh" "$package" >&2; then
				rm -f "$fresh"
				echo "build.sh: $name $version did not build" >&2
				exit 1
			fi
			mv "$fresh" "$path"
		fi
		rm -f "$path.lock"
		exec 9>&-
	fi
	echo "$path"
}

[[ $# -gt 0 ]] || set -- jaeger-agent jaeger-all-in-one otelcol
for name in "$@"; do describe "$name"; done
for name in "$@"; do (build "$name"); done

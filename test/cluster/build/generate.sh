#!/usr/bin/env bash
# Makes FOLDER's go.mod anew for a version of Kubernetes. Its main module takes its parts from its own tree, by replace
# lines that do not reach whoever requires it; so each is replaced here, too, by the version that was published with it.
#
#   test/cluster/build/generate.sh FOLDER VERSION [MODULE=VERSION]...      for instance: kubernetes v1.37.2
#
# MODULE=VERSION replaces one by another version, where the one published with it can't be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/$1"
version=$2
shift 2
rm -f go.mod go.sum
GOWORK=off go mod init "github.com/wayside-tracing/wayside/test/cluster/build/$(basename "$PWD")"
GOWORK=off go mod edit -go=1.26.0 -require="k8s.io/kubernetes@$version"
for module in $(GOWORK=off go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' |
	xargs sed -n 's#^[ \t]*\(k8s.io/[a-z0-9-]*\) => ./staging.*#\1#p' | sort -u); do
	GOWORK=off go mod edit -replace="$module=$module@v0.${version#v1.}"
done
for other; do
	GOWORK=off go mod edit -replace="${other%=*}=${other%=*}@${other#*=}"
done
GOWORK=off go mod tidy

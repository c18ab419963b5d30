#!/bin/sh
# Writes what is generated from the TraceAgent's Go types: its deep copies, and the
# CustomResourceDefinition.
#
#   kube/api/generate.sh           writes them
#   kube/api/generate.sh --check   says whether they are as they would be written
set -eu
cd "$(dirname "$0")/../.."
go=${GO:-go}
to=.
if [ "${1:-}" = --check ]; then
	to=$(mktemp -d)
	trap 'rm -rf "$to"' EXIT
fi
"$go" tool -modfile=tools/controller-gen/go.mod controller-gen \
	object crd paths=./kube/api/... \
	output:object:dir="$to/kube/api/v1alpha1" output:crd:dir="$to/deploy/crd"
if [ "$to" != . ]; then
	for f in kube/api/v1alpha1/zz_generated.deepcopy.go deploy/crd/wayside.dev_traceagents.yaml; do
		diff -u "$f" "$to/$f" || { echo "$f is not what kube/api/generate.sh (make generate) writes" >&2; exit 1; }
	done
fi

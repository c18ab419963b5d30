#!/usr/bin/env bash
# Runs the tests with real clients and real collectors, in the modules beside this file. What they run against is built by
# test/peers first, once a machine.
#
#   test/interop/run.sh [arguments for go test]
#
# It needs Go, and the module proxy the first time.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

WAYSIDE_PEER_JAEGER_ALL_IN_ONE=$(../peers/build.sh jaeger-all-in-one) || exit 1
WAYSIDE_PEER_OTELCOL=$(../peers/build.sh otelcol) || exit 1
export WAYSIDE_PEER_JAEGER_ALL_IN_ONE WAYSIDE_PEER_OTELCOL

failed=()
for module in fields translators clients; do
	echo "--- test/interop/$module"
	(cd "$module" && GOWORK=off go vet ./... && GOWORK=off go test -count=1 "$@" ./...) || failed+=("$module")
done
if [[ ${#failed[@]} -gt 0 ]]; then
	echo "test/interop: failed: ${failed[*]}" >&2
	exit 1
fi

#!/usr/bin/env bash
# Runs the tests with real clients and real collectors, in the modules beside this file. What they run against is built by
# test/peers first, once a machine.
#
#   test/interop/run.sh [arguments for go test]
#
# It needs Go, and the module proxy the first time; for the clients in Node, what node.sh asks for. Without Node their tests
# are skipped, which it says at the beginning and at the end, and in the file that SKIPPED names, if it does.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

WAYSIDE_PEER_JAEGER_ALL_IN_ONE=$(../peers/build.sh jaeger-all-in-one) || exit 1
WAYSIDE_PEER_JAEGER_AGENT=$(../peers/build.sh jaeger-agent) || exit 1
WAYSIDE_PEER_OTELCOL=$(../peers/build.sh otelcol) || exit 1
export WAYSIDE_PEER_JAEGER_ALL_IN_ONE WAYSIDE_PEER_JAEGER_AGENT WAYSIDE_PEER_OTELCOL

without=
if ! why=$(./node.sh clients/jaegernode/node clients/sdk/node clients/samplers/node 2>&1 >/dev/null | tee >(cat >&2)); then
	without="the clients in Node: ${why##*$'\n'}"
	printf '\n!!! SKIPPED: %s\n\n' "$without"
	if [[ -n ${SKIPPED:-} ]]; then echo "without $without" >"$SKIPPED"; fi
fi

failed=()
for module in fields translators h2spec clients; do
	echo "--- test/interop/$module"
	(cd "$module" && GOWORK=off go vet ./... && GOWORK=off go test -count=1 -parallel 4 "$@" ./...) || failed+=("$module")
done
if [[ -n $without ]]; then printf '\n!!! SKIPPED: %s\n\n' "$without"; fi
if [[ ${#failed[@]} -gt 0 ]]; then
	echo "test/interop: failed: ${failed[*]}" >&2
	exit 1
fi

#!/usr/bin/env bash
# Runs the tests on a real Kubernetes, which is built first, once a machine: some 15 minutes on two cores, and the module
# proxy. It needs Go and Linux; real nodes also take root, and on Debian the rest is installed with apt-get.
#
#   test/cluster/run.sh          both: the API servers, and nodes
#   test/cluster/run.sh fast     the API servers alone: seconds, no root
#   test/cluster/run.sh nodes    the nodes alone
#
# More arguments are for go test. What can't be tried is said at the beginning and at the end, and in the file that SKIPPED
# names, if it does; 77 is the exit status where that is all.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
export GOWORK=off

which=${1:-all}
case $which in all | fast | nodes) [[ $# -eq 0 ]] || shift ;; *) which=all ;; esac

without() {
	printf '\n!!! SKIPPED: %s\n\n' "$1"
	if [[ -n ${SKIPPED:-} ]]; then echo "without $1" >"$SKIPPED"; fi
}

if [[ $(uname -s) != Linux ]]; then
	without "a cluster, which takes Linux: namespaces and control groups"
	exit 77
fi

failed=()
if [[ $which != nodes ]]; then
	go vet -tags cluster ./... || failed+=(vet)
	(cd apps && go vet ./...) || failed+=(vet)
	echo "--- test/cluster/api"
	go test -tags cluster -count=1 -timeout 60m "$@" ./api || failed+=(api)
	echo "--- test/cluster/operator"
	go test -tags cluster -count=1 -timeout 30m "$@" ./operator || failed+=(operator)
	echo "--- test/cluster/operator, on the oldest API server"
	WAYSIDE_OLDEST=1 go test -tags cluster -count=1 -timeout 30m -run 'Refused|Injected|DaemonSet|Default|Secrets' "$@" ./operator || failed+=(operator-oldest)
fi
if [[ $which != fast ]]; then
	packages=(runc containernetworking-plugins iptables nftables conntrack iproute2 util-linux)
	if ! lacks=$(go run ./cmd/cluster able 2>&1) && [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
		echo "installing: ${packages[*]}"
		apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
		"${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${packages[@]}" >/dev/null
		lacks=$(go run ./cmd/cluster able 2>&1)
	fi
	if [[ -z $lacks ]]; then
		echo "--- test/cluster/nodes"
		# Most of the time is spent waiting, so that all can run at once.
		go test -tags cluster -count=1 -parallel 16 -timeout 60m "$@" ./nodes || failed+=(nodes)
	fi
fi
if [[ -n ${lacks:-} ]]; then without "real nodes: ${lacks%%$'\n'*}"; fi
if [[ ${#failed[@]} -gt 0 ]]; then
	echo "test/cluster: failed: ${failed[*]}" >&2
	exit 1
fi
if [[ -n ${lacks:-} && $which == nodes ]]; then exit 77; fi

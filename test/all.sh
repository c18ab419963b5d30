#!/usr/bin/env bash
# Sets up what the tests need and runs every tier, from any folder:
#
#   ./test/all.sh              all tiers
#   ./test/all.sh unit race    these
#
# Go is all that must be there. As root on Debian the rest is installed with
# apt-get; without root, what could not be set up is named, loudly. A failing
# tier does not stop the ones after it: the summary at the end has them all, and
# the exit status is non-zero if any failed.
#
# FUZZTIME (5s) is how long each fuzz target runs. CRASH is handed to the crash
# tier: CRASH="-seed 7", CRASH=-long.

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

tiers=(modules format lint unit race darwin fuzz crash interop package manifests cluster)

# --- the tiers; each runs in a subshell of its own, with `set -e` -------------

modules() {
  certificates
  local log
  log=$(mktemp)
  if go mod download 2> >(tee "$log" >&2); then
    rm -f "$log"
    return
  fi
  sleep 1 # for tee
  if grep -qiE 'x509|certificate' "$log"; then
    shout "The Go module proxy's certificate cannot be checked on this machine." \
      "Install CA certificates (as root: apt-get install ca-certificates)," \
      "or name a bundle that has your network's own authority: SSL_CERT_FILE=/path/to/bundle.crt"
  fi
  rm -f "$log"
  exit 1
}

format() {
  local wrong
  wrong=$(
    gofiles | xargs -0 go tool -modfile=tools/go.mod gofumpt -l -modpath "$module"
    gofiles | xargs -0 go tool -modfile=tools/go.mod goimports -l -local "$module"
  )
  if [ -n "$wrong" ]; then
    printf 'not formatted (make fmt):\n%s\n' "$wrong"
  fi
  local failed=0
  go mod tidy -diff || failed=1
  kube/api/generate.sh --check || failed=1
  go fix -tags crash -stringsbuilder=false -diff ./... || failed=1 # that one suits loops, not three parts
  [ -z "$wrong" ] && [ $failed = 0 ]
}

lint() {
  go vet -tags crash ./...
  go tool -modfile=tools/go.mod golangci-lint config verify
  go tool -modfile=tools/go.mod golangci-lint run --allow-parallel-runners ./...
}

unit() {
  go test ./...
}

race() {
  c_compiler || install gcc libc6-dev || true
  c_compiler || skip "the race detector needs a C compiler with libc's headers (Debian: gcc libc6-dev), and there is none"
  # Not wire, in which nothing runs beside anything: test/layout lets no goroutine in.
  go list ./... | grep -v "^$module/wire/" | CGO_ENABLED=1 xargs go test -race
}

# That it builds for macOS, and that what stands in for Linux's own calls there works.
darwin() {
  GOOS=darwin GOARCH=arm64 go build ./...
  GOOS=darwin GOARCH=arm64 go vet ./...
  go test -tags portable ./agent/... ./disklog ./cmd/wayside-agent
}

# Each target is found by asking the tests. What the fuzzer finds is left in
# testdata/fuzz beside the target, to be committed with the fix.
fuzz() {
  local listed targets package target failed=0
  listed=$(go test -list '^Fuzz' ./...) || { echo "$listed"; exit 1; }
  targets=$(awk '
    /^Fuzz/ { name[n++] = $1 }
    /^ok/ { for (i = 0; i < n; i++) print $2, name[i]; n = 0 }' <<<"$listed")
  [ -n "$targets" ] || { echo "no fuzz target was found"; exit 1; }
  while read -r package target; do
    echo "-- $target in $package"
    fuzz_one "$package" "$target" || failed=1
  done <<<"$targets"
  return $failed
}

# Go's fuzzer now and then takes the end of its own time for a failure: it says
# "context deadline exceeded" and names no input. Then the target runs again.
fuzz_one() {
  local - package=$1 target=$2 log try
  set -o pipefail
  log=$(mktemp)
  for try in 1 2 3; do
    if go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-5s}" -fuzzminimizetime 1s "$package" </dev/null 2>&1 | tee "$log"; then
      rm -f "$log"
      return 0
    fi
    grep -q 'context deadline exceeded' "$log" && ! grep -qE 'Failing input|_test.go:|panic:' "$log" || break
    echo "-- $target: the fuzzer met its own deadline and found nothing (try $try)"
  done
  rm -f "$log"
  return 1
}

# Everything around a running agent is broken; `make soak` does it for longer.
# Most of the time is spent waiting, so that many can run at once.
crash() {
  local - log=$work/crash
  set -o pipefail
  go test -tags crash -count=1 -parallel 8 -timeout 20m -v ./test/crash ${CRASH:+-args $CRASH} | tee "$log" | grep --line-buffered -v '^=== '
  if grep -q 'NOT SHOWN HERE' "$log"; then
    grep -h 'NOT SHOWN HERE' "$log" | sort | uniq -c >&2
    echo "NOT ALL: $(grep -c 'NOT SHOWN HERE' "$log") scenarios need what this machine does not allow" >"$work/why"
    shout "$(cat "$work/why")"
  fi
}

interop() {
  SKIPPED=$work/why ./test/interop/run.sh
}

package() {
  SKIPPED=$work/why ./test/package.sh
}

# What deploy/ has for Kubernetes: images, manifests, chart, policy.
manifests() {
  ./test/manifests/run.sh
}

# Real API servers and nodes, which are built the first time: a quarter of an hour.
cluster() {
  SKIPPED=$work/why ./test/cluster/run.sh
}

# --- what they stand on -------------------------------------------------------

module=github.com/wayside-tracing/wayside

gofiles() { # but those that are generated
  find . -path './.?*' -prune -o -name '*.go' ! -name 'zz_generated*' -print0
}

shout() {
  printf '\n!!! %s\n' "$1"
  shift
  [ $# -eq 0 ] || printf '!!! %s\n' "$@"
  echo
}

# skip ends the tier that calls it, unpassed and unfailed, and says why.
skip() {
  echo "$*" >"$work/why"
  exit 77
}

# install PACKAGE... with apt-get, where that can be done.
install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  echo "installing: $*"
  if [ ! -e "$work/apt-updated" ]; then
    "${apt[@]}" update || return 1
    touch "$work/apt-updated"
  fi
  "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null
}

# certificates sees to it that there are some: Go downloads modules by HTTPS.
certificates() {
  [ -n "${SSL_CERT_FILE:-}${SSL_CERT_DIR:-}" ] || [ -s /etc/ssl/certs/ca-certificates.crt ] || [ "$(go env GOOS)" != linux ] ||
    install ca-certificates || true
}

c_compiler() {
  echo '#include <stdlib.h>' | $(go env CC) -x c -fsyntax-only - 2>/dev/null
}

# --- running them -------------------------------------------------------------

if ! command -v go >/dev/null; then
  PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || { echo "Go is not installed, or not in PATH: https://go.dev/dl" >&2; exit 1; }
fi

for tier in "$@"; do
  case " ${tiers[*]} " in
  *" $tier "*) ;;
  *) echo "there is no tier \"$tier\"; there are: ${tiers[*]}" >&2; exit 2 ;;
  esac
done
[ $# -eq 0 ] || tiers=("$@")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'echo "interrupted"; exit 130' INT TERM

# Go keeps what it downloads and builds below HOME.
if [ ! -w "${HOME:-/nonexistent}" ]; then
  if [ -w . ]; then HOME=$PWD/.cache/home; else HOME=$work/home; fi
  mkdir -p "$HOME"
  export HOME
  shout "HOME is unset or not writable; Go's caches go to $HOME"
fi

# The agent ships without cgo and is tested as it ships. The version control
# stamp needs git and a checkout that it trusts; no test needs the stamp.
export CGO_ENABLED=0
GOFLAGS="$(go env GOFLAGS) -buildvcs=false"
export GOFLAGS

passed=0 failed=0 skipped=0
rows=()
for tier in "${tiers[@]}"; do
  printf '\n=== %s\n' "$tier"
  began=$SECONDS
  rm -f "$work/why"
  (
    set -e
    "$tier"
  )
  status=$?
  took=$((SECONDS - began))
  why=
  case $status in
  0)
    result=passed
    why=$(cat "$work/why" 2>/dev/null) # what it had to leave out
    passed=$((passed + 1))
    ;;
  77)
    result=SKIPPED
    skipped=$((skipped + 1))
    why=$(cat "$work/why" 2>/dev/null)
    shout "SKIPPED $tier: $why"
    ;;
  *)
    result=FAILED
    failed=$((failed + 1))
    ;;
  esac
  printf '=== %s: %s, %d s\n' "$tier" "$result" "$took"
  rows+=("$(printf '%-10s %-8s %6d   %s' "$tier" "$result" "$took" "$why")")
done

printf '\n%-10s %-8s %6s\n' tier result seconds
printf '%s\n' "${rows[@]}"
printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ]

#!/usr/bin/env bash
# Runs README's two commands on a fresh Debian that has Go and nothing else, as
# root and as an ordinary user, each on a machine of its own:
#
#   ./test/chroot.sh [--only up|all] [root] [user]
#
# The machines are folders: debootstrap's minimal Debian, kept in .cache/chroot,
# with this one's Go toolchain and network and a copy of the last commit without
# git's metadata. Needs root, for chroot and mounts; ports 6831, 6832, 4317, 4318
# and 14271 of loopback must be free, since the network is shared. Takes about half
# an hour a machine, most of it building the linter and the peers from nothing.
#
# Go downloads modules by HTTPS, so it needs CA certificates, which a minimal
# Debian has not. As root ./test/all.sh installs them. For everything else they
# are given to the machine as part of its network: the bundle that
# SSL_CERT_FILE names here, or this machine's own.

set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

suite=bookworm
cache=$PWD/.cache/chroot
only=
users=()

while [ $# -gt 0 ]; do
  case $1 in
  --only)
    case ${2:-} in
    up | all) only=$2 ;;
    *) echo "test/chroot.sh: --only takes up or all" >&2; exit 2 ;;
    esac
    shift
    ;;
  root | user) users+=("$1") ;;
  *) sed -n '2,/^$/s/^# \{0,1\}//p' test/chroot.sh; exit 2 ;;
  esac
  shift
done
[ ${#users[@]} -gt 0 ] || users=(root user)

[ "$(id -u)" = 0 ] || { echo "test/chroot.sh needs root, for chroot and mounts" >&2; exit 1; }

# Mounts and processes go with the namespaces, however this ends.
if [ "${WAYSIDE_CHROOT_NAMESPACE:-}" != yes ]; then
  args=("${users[@]}")
  [ -z "$only" ] || args+=(--only "$only")
  WAYSIDE_CHROOT_NAMESPACE=yes exec unshare --mount --pid --fork --kill-child --mount-proc "$PWD/test/chroot.sh" "${args[@]}"
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock --nonblock 9 || { echo "test/chroot.sh is running already" >&2; exit 1; }

base() {
  [ -d "$cache/$suite" ] && return
  command -v debootstrap >/dev/null ||
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends debootstrap; }
  rm -rf "$cache/$suite.part"
  debootstrap --variant=minbase "$suite" "$cache/$suite.part" >&2 # from Debian's own mirrors
  mv "$cache/$suite.part" "$cache/$suite"
}

# machine NAME makes a fresh one at $root.
machine() {
  root=$cache/machine-$1
  rm -rf --one-file-system "$root"
  cp -a "$cache/$suite" "$root"
  mount --bind "$root" "$root" # a machine's root is a mount point, on which tests rely that mount
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  echo "127.0.0.1 localhost" >"$root/etc/hosts"
  mount -t proc proc "$root/proc"
  mount -t devpts devpts "$root/dev/pts"
  mkdir -p "$root/usr/local/go"
  mount --bind "$(go env GOROOT)" "$root/usr/local/go"
  mount -o remount,bind,ro "$root/usr/local/go"

  environment=(
    PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    GOPROXY="$(go env GOPROXY)" GOSUMDB="$(go env GOSUMDB)" FUZZTIME="${FUZZTIME:-10s}"
  )
  local bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
  if [ -s "$bundle" ]; then
    cp "$bundle" "$root/usr/local/share/ca-bundle.crt"
    environment+=(SSL_CERT_FILE=/usr/local/share/ca-bundle.crt)
  fi

  case $1 in
  root) home=/root owner=root ;;
  user)
    chroot "$root" useradd --create-home wayside
    home=/home/wayside owner=wayside
    ;;
  esac
  mkdir "$root$home/wayside"
  git archive HEAD | tar -C "$root$home/wayside" -xf -
  chroot "$root" chown -R "$owner:$owner" "$home/wayside"
}

# inside COMMAND runs it as the machine's person, in the copy of the project.
inside() {
  exec chroot --userspec="$owner:$owner" "$root" \
    /usr/bin/env -i HOME="$home" "${environment[@]}" sh -c "cd ~/wayside && exec $1"
}

in_readme() {
  grep -qxF "$1" README.md || { echo "README.md does not have the line: $1" >&2; exit 1; }
}

# up starts the first command, sends it spans, sees them printed and ends it as
# ctrl-C would. `go run` itself then exits with 1 whatever the program did; had
# the program failed, it would say "exit status".
up() {
  in_readme "go run ./cmd/wayside up"
  local out=$root/up.out err=$root/up.err group tries=0 lines
  set -m # a process group of its own, as a terminal gives it
  (inside "go run ./cmd/wayside up") >"$out" 2>"$err" &
  group=$!
  set +m
  until (: <>/dev/tcp/127.0.0.1/14271) 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 3000 ] || ! kill -0 "$group" 2>/dev/null; then
      echo "the first command did not get ready:"
      cat "$out" "$err"
      return 1
    fi
    sleep 0.1
  done
  (inside "go run ./cmd/wayside loadgen --rate 100 --duration 3s") || return 1
  sleep 3 # a trace is shown when it was quiet for a while
  kill -INT -- "-$group"
  wait "$group" || true
  head -n 1 "$out" | cut -c 1-200
  tail -n 2 "$err"
  lines=$(grep -c '^{' "$out" || true)
  echo "$lines traces as JSON"
  [ "$lines" -gt 0 ] && grep -q '^ledger: accepted [1-9]' "$err" && ! grep -q 'exit status' "$err"
}

all() {
  in_readme "./test/all.sh"
  (inside "./test/all.sh")
}

base
failed=0
for user in "${users[@]}"; do
  for command in ${only:-up all}; do
    if [ "$command" = up ] || [ -n "$only" ]; then machine "$user"; fi
    printf '\n##### %s, as %s\n' "$command" "$user"
    began=$SECONDS
    if ("$command"); then verdict=passed; else verdict=FAILED failed=1; fi
    printf '##### %s, as %s: %s, %d s\n' "$command" "$user" "$verdict" $((SECONDS - began))
  done
done
exit $failed

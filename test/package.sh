#!/usr/bin/env bash
# Tries the Debian package on a machine of its own: a folder with Debian in it,
# and namespaces, in which Debian's own systemd is process 1.
#
#   ./test/package.sh
#
# It is built twice, and must be the same; lintian reads it; it is installed on a
# machine where systemd does not run, and on one where it does; there the agent is
# restarted and upgraded while it is sent spans, of which none may be missing; and
# it is removed and purged. Nothing delivers: the collector is a name that nobody
# has, so that all spans must be on disk in the end.
#
# Needs root, and debootstrap, which is installed where apt-get is. Debian is kept
# below ~/.cache/wayside (XDG_CACHE_HOME); the first time takes minutes. Exits with
# 77 where it can't be tried; SKIPPED names a file that then says why, or says what
# had to be left out.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/wayside
base=$cache/bookworm-systemd
rate=10000 # spans a second
limit=10000000 # bytes of the agent, as it ships

# --- inside: process 1 of the machine's namespaces becomes systemd ------------

if [ "${1:-}" = --boot ]; then
	root=$2
	mount --make-rprivate /
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t tmpfs tmpfs "$root/run"
	mount -t tmpfs tmpfs "$root/tmp"
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	cd "$root"
	# Not only chroot: who is in one may not make the user namespaces that PrivateUsers= takes.
	pivot_root . .
	umount -l .
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=wayside \
		chroot . /lib/systemd/systemd --system --unit=basic.target --log-target=journal
fi

# --- the machine --------------------------------------------------------------

skip() {
	echo "!!! SKIPPED: $*" >&2
	[ -z "${SKIPPED:-}" ] || echo "$*" >"$SKIPPED"
	exit 77
}

step() { printf -- '-- %s\n' "$*"; }
fail() {
	printf 'FAILED: %s\n' "$*" >&2
	exit 1
}

debian() {
	[ -d "$base" ] && return
	command -v debootstrap >/dev/null || {
		command -v apt-get >/dev/null || return 1
		DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
			DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends debootstrap >/dev/null || return 1
	}
	mkdir -p "$cache"
	rm -rf --one-file-system "$base.part"
	debootstrap --variant=minbase --include=systemd bookworm "$base.part" >"$work/debootstrap" 2>&1 ||
		{ tail -n 5 "$work/debootstrap" >&2; return 1; }
	# Not by debootstrap, which takes whatever version of a package a mirror has.
	chroot "$base.part" sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends lintian' \
		>"$work/debootstrap" 2>&1 || { tail -n 5 "$work/debootstrap" >&2; return 1; }
	rm -f "$base.part"/var/cache/apt/archives/*.deb
	mv "$base.part" "$base"
}

# boot starts systemd; without it (a container without the rights) it returns 1.
boot() {
	mkdir -p "$work/cgroup"
	mount -t cgroup2 cgroup2 "$work/cgroup" || return 1
	group=$work/cgroup/wayside-package-$$
	mkdir "$group" || return 1
	# The machine sees its own group as the root of all.
	sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$group" \
		unshare --mount --pid --fork --kill-child --net --ipc --uts --cgroup "$PWD/test/package.sh" --boot "$root" >"$work/boot" 2>&1 </dev/null &
	unshare=$!
	local try
	for ((try = 0; try < 300; try++)); do
		init=$(cat "/proc/$unshare/task/$unshare/children" 2>/dev/null) && init=${init%% *}
		if [ -n "$init" ] && inside systemctl is-system-running --wait >"$work/state" 2>/dev/null; then return 0; fi
		[ "$(cat "$work/state" 2>/dev/null)" != degraded ] || return 0
		kill -0 "$unshare" 2>/dev/null || break
		sleep 0.1
	done
	cat "$work/boot" >&2
	return 1
}

# inside runs a command on the running machine.
inside() {
	nsenter --target "$init" --mount --pid --net --ipc --uts --cgroup --root \
		env -i -C / PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

end() {
	set +e
	if [ -n "${unshare:-}" ]; then
		kill -KILL "$unshare" 2>/dev/null # and with it the whole machine
		wait "$unshare" 2>/dev/null
	fi
	if [ -n "${group:-}" ]; then
		for ((try = 0; try < 50; try++)); do
			find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
			sleep 0.1
		done
	fi
	umount "$work/cgroup" 2>/dev/null
	rm -rf --one-file-system "$work"
}

# --- what is asked of it ------------------------------------------------------

# status KEY prints the first number of that name in the agent's status.
status() {
	inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/14271 && printf "GET /status HTTP/1.0\r\nAccept: application/json\r\n\r\n" >&3 && cat <&3' |
		grep -o "\"$1\": *[0-9]*" | head -n 1 | grep -o '[0-9]*$'
}

active() {
	local unit
	for unit in wayside-agent.socket wayside-agent-udp.socket wayside-agent.service; do
		[ "$(inside systemctl is-active "$unit")" = "$1" ] || {
			inside systemctl status --no-pager "$unit" || true
			inside journalctl --no-pager -n 30 -u wayside-agent || true
			fail "$unit is not $1"
		}
	done
}

property() { inside systemctl show --value -p "$2" "$1"; }

# --- the steps ----------------------------------------------------------------

[ "$(id -u)" = 0 ] || skip "the Debian package: needs root, for chroot and mounts"
work=$(mktemp -d)
trap end EXIT
trap 'exit 130' INT TERM
debian || skip "the Debian package: debootstrap is not there, or has no mirror"

step "two versions are built; a second build of one is the same"
arch=$(dpkg --print-architecture 2>/dev/null || go env GOARCH)
VERSION=1.0.0 OUT=$work/debs deploy/debian/build.sh amd64 arm64 >/dev/null
VERSION=1.0.1 OUT=$work/debs deploy/debian/build.sh "$arch" >/dev/null
VERSION=1.0.0 OUT=$work/again deploy/debian/build.sh "$arch" >/dev/null
cmp "$work/debs/wayside-agent_1.0.0_$arch.deb" "$work/again/wayside-agent_1.0.0_$arch.deb"
CGO_ENABLED=0 go build -o "$work/wayside" ./cmd/wayside

root=$work/machine
cp -a "$base" "$root"
mkdir "$root/packages"
cp "$work"/debs/*.deb "$root/packages"
cp "$work/wayside" "$root/usr/local/bin"
echo "127.0.0.1 localhost" >"$root/etc/hosts"
printf 'hosts: files\n' >"$root/etc/nsswitch.conf" # nobody is asked for a collector
: >"$root/etc/resolv.conf"

step "lintian"
chroot "$root" lintian --allow-root --fail-on error,warning "/packages/wayside-agent_1.0.0_$arch.deb"

step "where systemd does not run: installed, not started; the unit's command runs; purged"
chroot "$root" dpkg -i "/packages/wayside-agent_1.0.0_$arch.deb" >/dev/null
size=$(stat -c %s "$root/usr/bin/wayside-agent")
[ "$size" -le "$limit" ] || { echo "the agent has $size bytes, and $limit are the most"; exit 1; }
chroot "$root" systemctl is-enabled wayside-agent.service wayside-agent.socket wayside-agent-udp.socket >/dev/null
chroot "$root" systemd-analyze verify wayside-agent.service wayside-agent.socket wayside-agent-udp.socket
command=$(sed -n 's/^ExecStart=//p' "$root/lib/systemd/system/wayside-agent.service")
# shellcheck disable=SC2086 # a command with its arguments
chroot "$root" $command --check >/dev/null
chroot "$root" dpkg --purge wayside-agent >/dev/null

without=
if ! boot; then
	without="the Debian package under systemd: this machine does not let systemd run in namespaces"
	printf '\n!!! NOT ALL: %s\n\n' "$without" >&2
	[ -z "${SKIPPED:-}" ] || echo "NOT ALL: without $without" >"$SKIPPED"
	exit 0
fi

step "under systemd: installed and started"
inside dpkg -i "/packages/wayside-agent_1.0.0_$arch.deb" >/dev/null
active active
pid=$(property wayside-agent.service MainPID)
[ "$(inside stat -c %u "/proc/$pid")" -ge 61184 ] || fail "it does not run as a dynamic user" # systemd.exec(5)
[ "$(inside sh -c "grep -c 'CapEff:.*0000000000000000' /proc/$pid/status")" = 1 ] || fail "it has capabilities"
[ "$(inside sh -c "grep -c 'Seccomp:.*2' /proc/$pid/status")" = 1 ] || fail "its system calls are not filtered"
inside journalctl --no-pager -u wayside-agent | grep -q 'sockets were taken over' || fail "the sockets were not taken over"
if inside journalctl --no-pager -u wayside-agent | grep -E 'level=(WARN|ERROR)' | grep -vE 'collector'; then fail "it complains"; fi
inside systemd-analyze security --no-pager wayside-agent.service | tail -n 1

step "ten restarts, a reload and an upgrade at $rate spans a second"
inside wayside loadgen --rate "$rate" --duration 25s --json >"$work/sent" 2>"$work/loadgen" &
loadgen=$!
for ((n = 0; n < 10; n++)); do
	sleep 1
	inside systemctl restart wayside-agent.service
done
inside systemctl reload wayside-agent.service
listening=$(property wayside-agent-udp.socket ActiveEnterTimestampMonotonic)
pid=$(property wayside-agent.service MainPID)
inside dpkg -i "/packages/wayside-agent_1.0.1_$arch.deb" >/dev/null
active active
[ "$pid" != "$(property wayside-agent.service MainPID)" ] || fail "the upgrade has not restarted it"
[ "$listening" = "$(property wayside-agent-udp.socket ActiveEnterTimestampMonotonic)" ] || fail "the upgrade has reopened the sockets"
wait "$loadgen" || { cat "$work/loadgen"; fail "the load generator"; }
sent=$(grep -o '"spans": *[0-9]*' "$work/sent" | head -n 1 | grep -o '[0-9]*$')
for ((n = 0; n < 100; n++)); do
	buffered=$(status buffered)
	[ "$buffered" != "$sent" ] || break
	sleep 0.1
done
dropped=$(inside journalctl --no-pager -u wayside-agent | grep -o 'kernel_drops=[0-9]*' | sort | uniq -c)
echo "$sent spans sent, $buffered on disk; $dropped"
[ "$buffered" = "$sent" ] || fail "$((sent - buffered)) spans are missing"

step "removed: stopped, spans and configuration are there; installed again: as it was; purged: nothing is there"
inside dpkg --remove wayside-agent >/dev/null
active inactive
[ -e "$root/etc/wayside/agent.yaml" ] || fail "the configuration is gone"
inside dpkg -i "/packages/wayside-agent_1.0.1_$arch.deb" >/dev/null
active active
[ "$(status buffered)" = "$sent" ] || fail "$(status buffered) spans are on disk after it was removed and installed again"
inside dpkg --purge wayside-agent >/dev/null
for left in etc/wayside var/lib/wayside-agent var/lib/private/wayside-agent usr/bin/wayside-agent usr/share/doc/wayside-agent; do
	[ ! -e "$root/$left" ] && [ ! -L "$root/$left" ] || fail "/$left is left"
done
[ -z "$(find "$root/etc/systemd" -name 'wayside*')" ] || fail "it is still enabled"

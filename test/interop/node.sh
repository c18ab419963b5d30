#!/usr/bin/env bash
# Sets up Node for the tests whose clients run in it: the packages that each folder's lock file names, once, and again when
# that file has changed.
#
#   test/interop/node.sh FOLDER...
#
# It needs npm and its registry the first time. Where there is no Node, root on Debian gets it from apt-get; otherwise the
# exit status is 3 and the last line says why.
set -uo pipefail

cannot() {
	echo "node.sh: $*" >&2
	exit 3
}

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	[[ $(id -u) = 0 ]] && command -v apt-get >/dev/null || cannot "there is no Node with npm here, and no root with apt-get to install it"
	echo "installing: nodejs npm" >&2
	apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
	{ "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends nodejs npm; } >/dev/null ||
		cannot "apt-get can't install nodejs and npm"
fi
# What the packages in the lock files ask for ("engines"): 18.19, or 20.6 and later.
node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
process.exit(major > 20 || (major === 20 && minor >= 6) || (major === 18 && minor >= 19) ? 0 : 1)' ||
	cannot "Node $(node --version) is not 18.19 or 20.6 and later"

for folder in "$@"; do
	(
		cd "$folder" || exit 1
		# Tests of two packages may come at once; without flock, macOS's case, the second waits for nothing and installs as well.
		exec 9>.lock
		if command -v flock >/dev/null; then flock 9; fi
		# npm writes this file at the end of an installation.
		if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
			echo "installing what $folder/package-lock.json names ..." >&2
			npm ci --silent --no-progress --ignore-scripts >&2
		fi
	) || cannot "npm can't install what $folder/package-lock.json names"
done

# Sourced by test/private, test/check and demo/start: which PostgreSQL, what is missing,
# and how to become root or to stop being it.  Needs bash, and nothing else that a bare
# Debian has not.

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The directories of one PostgreSQL hold a server and what extensions are built with.
complete_pg_config() {
	local bin pgxs
	bin=$("$1" --bindir 2>/dev/null) && pgxs=$("$1" --pgxs 2>/dev/null) &&
		[ -x "$bin/postgres" ] && [ -e "$pgxs" ]
}

# Print the pg_config to use: the user's word, the first in PATH, the newest of Debian's.
# Fails where none is complete.
find_pg_config() {
	local c
	if [ -n "${PG_CONFIG:-}" ]; then
		complete_pg_config "$PG_CONFIG" && command -v "$PG_CONFIG"
		return
	fi
	if c=$(command -v pg_config) && complete_pg_config "$c"; then say "$c"; return; fi
	while read -r c; do
		if complete_pg_config "$c"; then say "$c"; return; fi
	done < <(ls -1 /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -t/ -k5,5 -rV)
	return 1
}

# The major version to install: of a server without its development files, else Debian's.
wanted_major() {
	local v
	v=$(ls -1 /usr/lib/postgresql/*/bin/postgres 2>/dev/null | cut -d/ -f5 | sort -rV | head -n 1)
	[ -n "$v" ] || v=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
	[ -n "$v" ] || return 1
	say "$v"
}

# Run a command as root: as we are, or by sudo.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

can_be_root() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }

# want PACKAGE TEST...: PACKAGE is missing if TEST fails.
missing=()
want() {
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || missing+=("$package")
}

have_blas() { (PATH=$PATH:/sbin:/usr/sbin; ldconfig -p) | grep -E 'libopenblas\w*\.so\.0' >/dev/null; }

apt_update() {
	[ -z "${apt_updated:-}" ] || return 0
	say "Reading Debian's package lists ..."
	as_root apt-get update -qq || die "apt-get update failed"
	apt_updated=1
}

# Install what want found missing.  A server package would create and start a cluster on
# port 5432 (or the next free one): it is told not to.
install_missing() {
	local drop=/etc/postgresql-common/createcluster.d/dml-no-main.conf status=0
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null || ! can_be_root; then
		die "please install (Debian's names): ${missing[*]}"
	fi
	apt_update
	say "Installing ${missing[*]} ..."
	as_root sh -c "mkdir -p ${drop%/*} && echo 'create_main_cluster = false' > $drop"
	as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
		apt-get install -y -q --no-install-recommends "${missing[@]}" >"$1" 2>&1 || status=$?
	as_root rm -f "$drop"
	if [ $status -ne 0 ]; then
		tail -n 20 "$1" >&2
		die "apt-get could not install ${missing[*]}"
	fi
	missing=()
}

# Everything to build dml and to run it in a private cluster; sets and exports PG_CONFIG.
# LOG takes apt's output; further wants may have been made before.
require_postgresql() {
	local log=$1 major
	want make command -v make
	want gcc command -v "${CC:-gcc}"
	want libc6-dev test -e /usr/include/stdio.h
	want libopenblas0-pthread have_blas
	if ! find_pg_config >/dev/null; then
		[ -z "${PG_CONFIG:-}" ] || die "PG_CONFIG=$PG_CONFIG is not that of a PostgreSQL with server and development files"
		command -v apt-get >/dev/null || die "no pg_config of a PostgreSQL with server and development files: set PG_CONFIG"
		can_be_root || die "please install PostgreSQL's server and development files"
		apt_update
		major=$(wanted_major) || die "no PostgreSQL among apt's packages"
		missing+=("postgresql-$major" "postgresql-server-dev-$major")
	fi
	install_missing "$log"
	PG_CONFIG=$(find_pg_config) || die "PostgreSQL is installed and yet incomplete: set PG_CONFIG"
	export PG_CONFIG
}

# PostgreSQL refuses to run as root, so root's commands run as the user postgres.
if [ "$(id -u)" = 0 ]; then
	unprivileged=(setpriv --reuid=postgres --regid=postgres --init-groups)
else
	unprivileged=()
fi

# scratch DIR: make DIR for the unprivileged user.  Where that user cannot reach it (a
# tree under /root, a home closed to others) it becomes a link to a directory in
# /var/tmp.
scratch() {
	local dir=$1 real
	if [ "$(id -u)" != 0 ]; then
		mkdir -p "$dir"
		return
	fi
	getent passwd postgres >/dev/null || die "as root a user postgres is needed to run PostgreSQL"
	if [ -L "$dir" ] && [ ! -d "$dir" ]; then rm "$dir"; fi
	[ -d "$dir" ] || mkdir -p "$dir"
	if [ ! -L "$dir" ]; then
		chown postgres: "$dir"
		if ! "${unprivileged[@]}" test -w "$dir"; then
			real=$(mktemp -d /var/tmp/dml.XXXXXX)
			chown postgres: "$real"
			rm -rf "$dir"
			ln -s "$real" "$dir"
		fi
	fi
}

# Remove what scratch made.
remove_scratch() {
	[ ! -L "$1" ] || rm -rf "$(readlink -f "$1")"
	rm -rf "$1"
}

# common.sh - what the scripts share: where things live and who runs them.  Sourced, never run.
#
# Everything lives in $base/NAME, one folder per throw-away cluster:
#   pg/      a private copy of PostgreSQL, the extension installed into it
#   tree/    a copy of the sources, built there
#   data/    the cluster;  socket: a file that names its socket directory
#   *.log    what happened
# $base is build/ in the checkout, or a folder in /var/tmp where the server's user cannot reach the checkout
# or its path has characters that make cannot handle.

set -euo pipefail
umask 022

export LC_ALL=C.UTF-8
export PATH="$PATH:/usr/sbin:/sbin"
unset LANGUAGE TMPDIR CDPATH MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGOPTIONS PGSERVICE PGSERVICEFILE \
	PGSSLMODE PGDATA PGCLUSTER PGTZ PGDATESTYLE PGCLIENTENCODING PGAPPNAME PGCONNECT_TIMEOUT PSQLRC
export PAGER=cat

pg_major=${PG_MAJOR:-15}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
system_pg=/usr/lib/postgresql/$pg_major

say() { printf '%s\n' "$*"; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# The server refuses to run as root: root hands it to the user postgres.
if [ "$(id -u)" = 0 ]; then run_user=postgres; else run_user=$(id -un); fi

# as_server COMMAND...: run it as the server's user, in $base
as_server() {
	if [ "$(id -u)" = 0 ]; then
		(cd "$base" && exec runuser -u "$run_user" -- env HOME="$base" "$@")
	else
		(cd "$base" && exec "$@")
	fi
}

# Decide $base.  Needs the user postgres when root, so it comes after scripts/setup.
find_base() {
	[ "$run_user" = "$(id -un)" ] || id "$run_user" >/dev/null 2>&1 || die "there is no user $run_user; run scripts/setup"
	base=$root/build
	mkdir -p "$base"
	if [[ $root =~ ^[A-Za-z0-9_./+@-]+$ ]] && as_server test -x "$base"; then
		return
	fi
	base=/var/tmp/pg_tviews_batch-$(id -u)-$(printf %s "$root" | cksum | cut -d' ' -f1)
	mkdir -p "$base"
	[ ! -L "$base" ] && [ "$(stat -c %u "$base")" = "$(id -u)" ] || die "$base belongs to somebody else"
}

# tell_base: say so when $base is not where one would look
tell_base() {
	[ "$base" = "$root/build" ] || say "note: the user $run_user or make cannot work in $root/build; using $base"
}

# use_cluster NAME: set PATH and PG* so that psql and the like reach it
use_cluster() {
	export PATH="$base/$1/pg/usr/lib/postgresql/$pg_major/bin:$PATH"
	export PGHOST PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	PGHOST=$(cat "$base/$1/socket" 2>/dev/null) || die "no cluster '$1'; start it first"
}

# debian_with MAJOR: the Debian that has a newer PostgreSQL
debian_with() {
	case $1 in
	17) echo trixie ;;
	18) echo sid ;;
	*) die "no Debian known with PostgreSQL $1; there are: 17 18" ;;
	esac
}

# debian_mirror: the archive this machine's own packages come from, unless told otherwise
debian_mirror() { echo "${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)}"; }

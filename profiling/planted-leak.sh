#!/bin/bash
# planted-leak.sh - does the suite see a leak?  Plants one of 100 bytes a drain in a copy of the sources and runs a tool on it.
# usage: profiling/planted-leak.sh palloc long MINUTES    100 bytes in TopMemoryContext: the long run must say LEAK
#        profiling/planted-leak.sh malloc long MINUTES    the same from malloc
#        profiling/planted-leak.sh malloc valgrind        definite leak on Debian's server
#        profiling/planted-leak.sh palloc server          definite leak on the server that knows Valgrind
#        profiling/planted-leak.sh palloc|malloc baseline one refresh after another: its fitted slope must say LEAK
# Exit status 0: the leak was seen, and the tool says where.
. "$(dirname "$0")/../scripts/common.sh"

kind=${1:-} with=${2:-} minutes=${3:-30}
case $kind in
palloc) leak='(void) MemoryContextAlloc(TopMemoryContext, 100);' ;;
malloc) leak='{ static void *volatile planted; planted = malloc(100); if (planted == NULL) elog(ERROR, "out of memory"); }' ;;
*) die "usage: planted-leak.sh palloc|malloc long|valgrind|server|baseline [MINUTES]" ;;
esac
copy=${root}/build/planted-$kind-$with
rm -rf "$copy"
mkdir -p "$copy"
cd "$root"
cp -R -- Makefile README.md ./*.control src sql expected schedules docs scripts profiling "$copy/"

# into the function that every drain ends with
perl -0pi -e 's/(\ndrain_end\(Drain \*drain\)\n\{\n)/$1\t'"${leak//\//\\/}"'\n/ or die "drain_end() not found\n"' "$copy/src/drain.c"
log=$root/build/planted-$kind-$with.log
status=0
seen='drain_end'
case $with in
long) command=(long-running-test.sh "$minutes") seen='^drain .*: LEAK' ;;
valgrind) command=(valgrind-leak-test.sh short) ;;
server) command=(valgrind-leak-test.sh server) ;;
baseline) command=(baseline-memory.sh short) seen='^refresh .*: LEAK' ;;
*) die "no tool '$with'" ;;
esac
say "a leak of 100 bytes a drain, from $kind; ${command[*]}"
"$copy/profiling/${command[0]}" "${command[@]:1}" >"$log" 2>&1 &
trap 'kill $!; wait; exit 143' TERM INT
wait $! || status=$?
trap - TERM INT
grep -E "$seen|^(definite|drain )" "$log" | head -n 10 || true
"$copy/scripts/cluster" stop-all
[ $status != 0 ] && grep -qE "$seen" "$log" || die "the planted leak was not seen, see $log"
say "seen: $kind leak of 100 bytes a drain, by $with"
rm -rf "$copy"

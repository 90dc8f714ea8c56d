# Removes what a stack kept on disk, once the parent and every server are gone.
#
# usage: sh janitor.sh <root>
#
# Standard input ends with the parent. A server holds the lock on its log as long as one of its processes lives.
root=$1
cat >/dev/null
for log in "$root"/*.log; do
    test -e "$log" && flock "$log" true
done

# A cluster that the user postgres could not reach below the root lies elsewhere, behind a link.
cluster=$(readlink "$root/postgres")
case ${cluster#/var/tmp/minuet-} in
    '' | *[!0-9a-f]*) cluster= ;;
esac
rm -rf -- ${cluster:+"$cluster"} "$root"

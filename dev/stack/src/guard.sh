# Runs one server for as long as somebody holds the other end of our standard input.
#
# usage: sh guard.sh <stop signal> <grace in seconds> <command> [argument...]
#
# A line on standard input is the name of a signal for the server. The end of standard input means that the parent
# is gone or wants the server to stop: it gets the stop signal, and SIGKILL with the rest of this process group once
# the grace is over. The guard leads that group (the parent sees to it), ends with the server and with its status.
stop=$1 grace=$2
shift 2
exec 3<&0

"$@" </dev/null 3<&- &
server=$!

(
    while read -r signal; do
        kill -s "$signal" "$server"
    done
    # CONT, because a stopped server acts on no other signal.
    kill -s "$stop" "$server"
    kill -s CONT "$server"
    sleep "$grace"
    kill -s KILL 0
) <&3 3<&- 2>/dev/null &

exec 3<&-
wait "$server"
status=$?
# Whatever is left of the group goes with the server: the loop above, or a helper that the server started.
trap '' TERM
kill -s TERM 0
exit "$status"

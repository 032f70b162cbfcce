#!/usr/bin/env bash
# Jobs from the shell, and workers that are killed: `crosstie send queue:jobs` and some `crosstie recv --each`, of which one is
# killed with kill -9 about ten times a second, and replaced, until every job is done. Then what the jobs wrote is judged:
#
#   every job is done; a job that was done more than once says so from its second delivery on; no two
#   deliveries have the same count; no more came again than workers were killed; nothing is left over.
#
# usage: jobs.sh [JOBS] [WORKERS]         100000 jobs and five workers; `crosstie` is found in PATH
set -euo pipefail
jobs=${1:-100000} workers=${2:-5}
folder=$(mktemp -d /dev/shm/crosstie-jobs.XXXXXX)
export CROSSTIE_DOMAIN=$folder/domain
cd "$folder"
trap 'cd /; rm -rf "$folder"' EXIT
queue="queue:jobs?deliveries=200"

# A job writes its number and its delivery, in one write, which nothing can tear.
# shellcheck disable=SC2016 # the job's shell expands it
job='read -r number; echo "$number $CROSSTIE_DELIVERY" >> done'
all_done() { [ "$(cut -d " " -f 1 "done" | sort -u | wc -l)" -ge "$jobs" ]; }

work() {
    local status=137
    while [ "$status" = 137 ]; do
        crosstie recv "$queue" --each -- sh -c "$job" 2>> told &
        echo $! > "worker.$1"
        status=0
        wait $! || status=$?
    done
    [ "$status" = 0 ] || echo "worker $1 ended with $status" >> wrong
    rm "worker.$1"
}

: > "done"; : > told; : > wrong
began=$EPOCHREALTIME
# The sender stays until all is done: a queue that is empty and has none is a new one to a worker that comes then.
{ seq "$jobs"; until [ -e enough ]; do sleep 0.05; done; } | crosstie send "$queue" &
sender=$!
for worker in $(seq "$workers"); do work "$worker" 2> /dev/null & done
own=$(readlink -f "$(command -v crosstie)")
kills=0
until all_done; do
    sleep "0.$((RANDOM % 100 + 50))"
    victim=$(cat "worker.$((RANDOM % workers + 1))" 2> /dev/null) || continue
    # What is not a worker yet, or not any more, is let alone.
    if [ -n "$victim" ] && [ "$(readlink "/proc/$victim/exe" 2> /dev/null)" = "$own" ]; then
        kill -KILL "$victim" 2> /dev/null && kills=$((kills + 1))
    fi
done
until crosstie inspect queue:jobs | grep -q "sender.*, $workers receiver"; do sleep 0.05; done
: > enough
while compgen -G 'worker.*' > /dev/null; do sleep 0.01; done
wait "$sender"
seconds=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $began }")

count() { awk "$1" "done"; }
finished=$(count '{ jobs[$1] = 1 } END { print length(jobs) }')
foreign=$(awk -v last="$jobs" '!($1 >= 1 && $1 <= last)' "done" | wc -l)
again=$(count '$2 > 1 { again++ } END { print again + 0 }')
twice=$(count '{ jobs[$1]++ } END { for (job in jobs) twice += jobs[job] > 1; print twice + 0 }')
unflagged=$(sort "done" | uniq -d | wc -l)
left=$(crosstie ls queue)
echo "jobs done        $finished of $jobs, in $seconds s"
echo "workers killed   $kills"
echo "came again       $again, each with its delivery in CROSSTIE_DELIVERY"
echo "done twice       $twice: the worker was killed when its command had done the work already"
echo "left             $left"
[ "$finished" = "$jobs" ] || echo "jobs are missing" >> wrong
[ "$foreign" = 0 ] || echo "$foreign lines name no job that was sent" >> wrong
[ "$unflagged" = 0 ] || echo "the same delivery twice: $(sort "done" | uniq -d | head -3)" >> wrong
[ "$again" -le "$kills" ] || echo "more came again than workers were killed" >> wrong
[ "$left" = "queue:jobs  0 wait, 0 in hand" ] || echo "something is left" >> wrong
sort -u told | grep -v "delivery" >> wrong || true
cat wrong
[ ! -s wrong ]

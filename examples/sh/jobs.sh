#!/usr/bin/env bash
# Jobs for workers that may be killed: what one had in hand another does, and is told so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export folder CROSSTIE_DOMAIN=$folder/domain # the queue goes with it

# While this end is open, a worker's death is not the end of the jobs.
mkfifo "$folder/open"
crosstie send queue:jobs < "$folder/open" & exec 3> "$folder/open"
printf 'easy\ndeadly\ndull\n' >&3

work='read -r job; [ "$job $CROSSTIE_DELIVERY" = "deadly 1" ] && kill -9 "$PPID" $$
    echo "$job after $CROSSTIE_DELIVERY" >> "$folder/done"'
crosstie --quiet recv queue:jobs --each -- sh -c "$work" || true
exec 3>&- # nothing more comes
crosstie --quiet recv queue:jobs --each -- sh -c "$work"
sort "$folder/done"

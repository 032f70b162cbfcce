#!/usr/bin/env bash
# A file goes through TCP, shared memory, a FIFO and a Unix socket, message by message.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CROSSTIE_DOMAIN=$folder/domain # the ring goes with it
tcp=tcp:127.0.0.1:$((20000 + RANDOM % 10000))
seq 100000 > "$folder/sent"

crosstie recv "unix:$folder/s" > "$folder/got" & receiver=$!
crosstie relay "fifo:$folder/f" "unix:$folder/s" &
crosstie relay ring:chain "fifo:$folder/f" &
crosstie relay "$tcp" ring:chain &
crosstie send "$tcp" < "$folder/sent"
wait "$receiver"

cmp "$folder/sent" "$folder/got"
echo "$(wc -l < "$folder/got") lines, none lost"

#!/usr/bin/env bash
# Twenty senders, one receiver: every line arrives whole, none is lost.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
address=unix:$folder/lines

crosstie recv "$address" --follow -n 20000 > "$folder/got" & receiver=$!
for sender in $(seq 20); do
    seq -f "sender $sender, line %g" 1000 | crosstie send "$address" &
done
wait "$receiver"

[ "$(sort -u "$folder/got" | wc -l)" = 20000 ]
echo '20000 lines, none lost'

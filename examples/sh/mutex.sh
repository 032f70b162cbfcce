#!/usr/bin/env bash
# A lock whose owner is killed halfway is not held for ever: the next one is told, and mends what was left.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export folder CROSSTIE_DOMAIN=$folder/domain # the lock goes with it
echo '100 + 0' > "$folder/accounts"

# Together they are 100, except halfway through a transfer. The lock is its command's too: both are killed.
crosstie lock accounts -- sh -c 'echo "70 + 0" > "$folder/accounts"; kill -9 "$PPID" $$' 2> /dev/null || true
crosstie --quiet lock accounts -- sh -c '
    [ "$CROSSTIE_ABANDONED" = 1 ] && echo "its owner died halfway: $(cat "$folder/accounts")"
    echo "70 + 30" > "$folder/accounts"'
echo "mended: $(cat "$folder/accounts")"

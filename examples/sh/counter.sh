#!/usr/bin/env bash
# A counter in shared memory that two processes raise: without a semaphore they lose some, with one none.
set -euo pipefail

folder=$(mktemp -d)
name=/counter-$$
trap 'crosstie region rm "$name"; rm -rf "$folder"' EXIT
export name CROSSTIE_DOMAIN=$folder/domain # the semaphore goes with it
crosstie region create "$name" --size 64B

raise() {
    number=$(crosstie region read "$name" --text)
    printf '%d\0' $((number + 1)) | crosstie region write "$name"
}
export -f raise

for way in without with; do
    printf '0\0' | crosstie region write "$name"
    turn=(bash -c raise)
    [ $way = without ] || turn=(crosstie sem counter -n 1 -- bash -c raise)
    for process in 1 2; do
        for _ in $(seq 25); do "${turn[@]}"; done &
    done
    wait
    echo "$way a semaphore: 50 times raised, $((50 - $(crosstie region read "$name" --text))) lost"
done

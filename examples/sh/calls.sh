#!/usr/bin/env bash
# A server that answers each call with what a command makes of it, and a client that asks; a command that fails refuses.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT
address=unix:$folder/shout

crosstie --quiet reply "$address" -- sh -c 'word=$(cat); [ -n "$word" ] && printf "%s!\n" "$word"' & server=$!
crosstie call "$address" hello
crosstie --quiet call "$address" '' || echo "refused, exit code $?"

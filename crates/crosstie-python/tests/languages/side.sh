#!/usr/bin/env bash
# One side of a scenario, told a line at a time what to do, in shell commands: what side.py is in Python. $CROSSTIE is the command.
#
# A command that holds something is this script again, which goes on with the lines until it is told to give that back.

# Lines come by descriptor 3, answers go to 4: a command has 0 and 1 for itself.
[ -v inside ] || exec 3<&0 4>&1 < /dev/null > /dev/null

say() { printf '@%s\n' "$*" >&4; }

# The id of an exit code, as the others say it.
id_of() {
    case $1 in
    0) echo ok ;; 1) echo negative ;; 2) echo usage ;; 75) echo busy ;; 77) echo not-permitted ;; 80) echo deadlock ;;
    81) echo abandoned ;; 82) echo lost ;; 83) echo peer-died ;; 84) echo not-found ;; 85) echo already-exists ;;
    86) echo mismatch ;; 87) echo too-large ;; 88) echo closed ;; 124) echo timed-out ;; *) echo "code-$1" ;;
    esac
}

# How long: forever, try, or milliseconds.
patience() {
    case $1 in forever | "") ;; try) echo --try ;; *) echo "--timeout=$1ms" ;; esac
}

# Runs a command that holds something and goes on with the lines inside it; says how it ended. Inside another it takes this shell's
# place: a shell that waits for a command could still do something else, and is part of no circle. Then the end is both ends.
hold() {
    local ended
    if [ -n "$holds" ]; then
        inside=$1 exec "$CROSSTIE" "${@:2}" -- "$BASH" "$script"
    fi
    ended=$(inside=$1 "$CROSSTIE" "${@:2}" --status-fd 5 -- "$BASH" "$script" 5>&1 > /dev/null 2> "$errors")
    case $ended in
    ended*) say "$(id_of "${ended#ended }") $(tr '\n' '|' < "$errors")" ;;
    *) say "${ended% *} $(tr '\n' '|' < "$errors")" ;;
    esac
}

# Runs a command to its end and says how that was.
once() {
    local output code
    output=$("$CROSSTIE" "$@" 2> "$errors")
    code=$?
    [ $code = 0 ] && say "ok $output" || say "$(id_of $code) $(tr '\n' '|' < "$errors")"
}

# A command's exit code as what a stream's end is.
end_of() { [ "$1" = 0 ] && echo closed || id_of "$1"; }

# Whether an address is one that `crosstie` will open; else it says at once what is wrong with it.
is_address() { [[ $1 =~ ^(ring|queue|topic|unix|unixpacket|fifo|tcp|udp): ]]; }

sender_does() {
    case $1 in
    open)
        is_address "$2" || { once send "$2" x && return; }
        exec {sending}> >(exec "$CROSSTIE" send "$2" 2> /dev/null)
        sender=$!
        say ok
        ;;
    put) once send "$2" "$3" ;;
    send) echo "$3" >&"$sending" && say ok || say closed ;;
    close)
        exec {sending}>&-
        wait "$sender"
        say "$(id_of $?)"
        ;;
    esac
}

receive_from() {
    [ -v receiving ] && return
    # What a topic keeps from before it is received too: nobody knows here when the command has begun.
    local from=()
    [[ $1 == topic:* ]] && from=(--from oldest)
    exec {receiving}< <(exec "$CROSSTIE" recv "$1" "${from[@]}" 2> /dev/null)
    receiver=$!
}

receiver_does() {
    local line
    case $1 in
    open)
        is_address "$2" || { once recv "$2" && return; }
        # At a queue a receiver that only stands by would take messages.
        [[ $2 == queue:* || $2 == ring:* ]] || receive_from "$2"
        say ok
        ;;
    recv)
        if [ "$3" != forever ]; then
            once recv "$2" -n 1 "--timeout=${3/try/1}ms"
            return
        fi
        receive_from "$2"
        if read -r line <&"$receiving"; then
            say "ok $line"
        else
            wait "$receiver"
            say "$(end_of $?)"
        fi
        ;;
    job) inside=job "$CROSSTIE" recv "$2" -n 1 --each -- "$BASH" "$script" 2> /dev/null && say ok ;;
    close)
        if [ -v receiving ]; then
            kill "$receiver" 2> /dev/null
            exec {receiving}<&-
            unset receiving
        fi
        say ok
        ;;
    esac
}

server_does() {
    case $1 in
    open)
        orders=$(mktemp -u)
        mkfifo "$orders"
        inside=call orders=$orders "$CROSSTIE" reply "$2" -- "$BASH" "$script" 2> /dev/null &
        server=$!
        say ok
        ;;
    close)
        kill "$server"
        wait "$server"
        rm "$orders"
        say ok
        ;;
    *) echo "$1 $3" > "$orders" ;;
    esac
}

# A call that `crosstie reply` gave this script: its request is the input, its reply the output.
answer_one() {
    local asked order
    asked=$(cat)
    read -r order < "$orders"
    say "ok $asked"
    case $order in
    answer*) printf %s "${order#answer }" ;;
    refuse*) exit 1 ;;
    hold*) sleep 1000 ;;
    esac
    exit 0
}

act() {
    local object=$1 verb=$2 name=$3 first=$4 second=$5 shared=
    case "$object $verb" in
    "lock open")
        # There is nothing to keep open; a name that is none is refused all the same.
        [[ $name == */* ]] && once lock "$name" -- true || say ok
        ;;
    "sem open")
        permits=$first
        "$CROSSTIE" sem "$name" -n "$permits" --try -- true 2> "$errors"
        code=$?
        case $code in 0 | 75) say ok ;; *) say "$(id_of $code) $(tr '\n' '|' < "$errors")" ;; esac
        ;;
    "lock take")
        [ "$first" = shared ] && shared=--shared
        hold "$object $name" lock "$name" $shared $(patience "$second")
        ;;
    "sem acquire") hold "$object $name" sem "$name" -n "$permits" $(patience "$first") ;;
    "count open")
        "$CROSSTIE" post "$name" --value "$first" 2> "$errors"
        code=$?
        case $code in 0 | 85) say ok ;; *) say "$(id_of $code) $(tr '\n' '|' < "$errors")" ;; esac
        ;;
    "count create") once post "$name" --value "$first" ;;
    "count post") once post "$name" ;;
    "count wait") once wait "$name" $(patience "$first") ;;
    "once open") say ok ;;
    "once call")
        # What did it has said so.
        did=$("$CROSSTIE" once "$name" -- echo did 2> "$errors")
        code=$?
        [ $code = 0 ] && say "ok ${did:-was-done}" || say "$(id_of $code) $(tr '\n' '|' < "$errors")"
        ;;
    "event open") say ok ;;
    "event wait") once event wait "$name" $(patience "$first") ;;
    "event "*) once event "$verb" "$name" ;;
    "barrier open") parties=$first && say ok ;;
    "barrier wait") once barrier "$name" -n "$parties" ${first/forever/} ;;
    "tx "*) sender_does "$verb" "$name" "$first" ;;
    "rx "*) receiver_does "$verb" "$name" "$first" ;;
    "client call") once call "$name" "$second" $(patience "$first") ;;
    "server "*) server_does "$verb" "$name" "$first" ;;
    *) say ok ;;
    esac
}

script=$0
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
holds=
case ${inside-} in
"") say ready ;;
call) answer_one ;;
job) say "ok $CROSSTIE_DELIVERY $(cat)" && holds="rx done" ;;
lock*) say "ok token $CROSSTIE_TOKEN${CROSSTIE_ABANDONED:+ abandoned}" && holds="lock release" ;;
sem*) say "ok index $CROSSTIE_PERMIT" && holds="sem release" ;;
esac
# Bash reads no more than the line.
while read -r -u 3 object verb name first second; do
    [ "$object $verb" = "$holds" ] && exit 0
    act "$object" "$verb" "$name" "$first" "$second"
done

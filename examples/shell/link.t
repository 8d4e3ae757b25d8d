#!/bin/bash
# link.t: a driver of a few lines of shell, on a module that plays link.json; the report is TAP.
#
#     prove examples/shell        or        examples/shell/link.t [SCENARIO]
set -u
here=$(dirname "$0")
sim=${SIM7X00:-$here/../../build/sim7x00}
folder=$(mktemp -d) || exit 3
daemon=
driver=1
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null; rm -rf "$folder"' EXIT

# Waits for this text; fails when nothing more comes for 10 seconds.
await() {
    local got='' c
    while [[ $got != *"$1" ]]; do
        IFS= read -r -d '' -n 1 -t 10 c <&4 || { echo "# no $1" >&2; return 1; }
        got+=$c
    done
}

ask() {
    printf '%s\r' "$1" >&4
    await "$2"
}

drive() {
    ask 'ATE0' OK &&
        ask 'AT+NETOPEN' '+NETOPEN: 0' &&
        ask 'AT+CIPOPEN=0,"TCP","198.51.100.7",9000' '+CIPOPEN: 0,0' &&
        ask 'AT+CIPSEND=0,6' '>' &&
        printf 'hello\n' >&4 && await wor && await ld
}

mkfifo "$folder/said"
"$sim" --scenario "${1:-$here/link.json}" --run --wait 10 --link "$folder/modem" \
    --tap "$folder/tap" >"$folder/said" &
daemon=$!
exec 3<"$folder/said"
if read -r _ <&3; then # the tty is there
    exec 4<>"$folder/modem"
    stty raw -echo <&4
    drive
    driver=$?
    exec 4>&-
    sed 's/^/# /' <&3 # what it says for people; ends with the daemon
fi
wait "$daemon"
verdict=$?
daemon=
cat "$folder/tap"
[ "$verdict" -ne 0 ] || exit "$driver"
exit "$verdict"

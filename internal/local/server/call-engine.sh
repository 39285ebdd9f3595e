#!/bin/sh
# Hands its name and arguments to the machine's engine, and runs the script that the engine answers with.
engine=$SERVER_ROOT/run/engine
call=$(mktemp -d "$engine/call.XXXXXX") || exit 1
{ printf '%s\0' "$(pwd)" "${0##*/}"; for word; do printf '%s\0' "$word"; done; } > "$call/words"
mkfifo "$call/done" || exit 1
exec 3<> "$call/done"
echo "${call##*/}" > "$engine/calls"
read -r answered <&3
exec 3>&-
answer=$(cat "$call/answer")
rm -rf "$call"
eval "$answer"

#!/usr/bin/env bash
# Messages of the shell scripts; to be sourced.

# log MESSAGE...: print one line with the time of day, like kdse's own lines.
log() {
    printf '[%s] %s\n' "$(date +%H:%M:%S)" "$*"
}

# die MESSAGE...: print one sentence on standard error and exit with code 2, for what the user can mend.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 2
}

# show COMMAND...: print a command, quoted so that it can be pasted.
show() {
    printf '$%s\n' "$(printf ' %q' "$@")"
}

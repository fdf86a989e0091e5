#!/usr/bin/env bash
# Messages of the shell scripts; to be sourced.

# log MESSAGE...: one line with the time of day, as kdse's own lines have it.
log() {
    printf '[%s] %s\n' "$(date +%H:%M:%S)" "$*"
}

# die MESSAGE...: one sentence on standard error and exit code 2, for what the user can mend.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 2
}

# show COMMAND...: print a command so that it can be pasted and run again.
show() {
    printf '$%s\n' "$(printf ' %q' "$@")"
}

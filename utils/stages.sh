#!/usr/bin/env bash
# shellcheck disable=SC2154 # of the script that sources this
# What stage scripts are written with; to be sourced in a recipe's folder. They read root, stage, stop_stage and expdir.

# config FILE: the recipe's own file, else the repository's of the same name.
config() {
    [[ $1 == *.yaml ]] || die "a config is a .yaml file, not $1"
    if [ -f "$1" ]; then
        echo "$1"
    elif [ -f "$root/$1" ]; then
        echo "$root/$1"
    else
        die "there is no config $1, neither in $PWD nor in $(cd "$root" && pwd)"
    fi
}

# listener_of YAML BACKEND: the name in score rows of the recogniser that an inference config chooses; a backend has its folder's.
listener_of() {
    local name
    name=$(basename "$1" .yaml)
    if ! grep -q '^recogniser: ' "$1" || grep -qx 'recogniser: espnet' "$1"; then
        basename "$2"
    elif [ -f "$root/conf/asr/$name.yaml" ] || [ -d "$expdir/asr_$name" ]; then
        die "$1: rows name the recogniser by this file, and $name is a backend of conf/asr or $expdir; rename it"
    else
        echo "$name"
    fi
}

# unique "WORD...": each word once, in order, on one line.
unique() {
    tr -s '[:space:]' '\n' <<<"$1" | awk 'NF && !seen[$0]++' | paste -sd ' '
}

# within N TITLE: whether stage N was asked for; names it.
within() {
    [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] || return 1
    log "stage $1: $2"
}

# run RUNNER NAME COMMAND...: print one command and run it as a job; a failure ends the recipe with the command's own exit code.
run() {
    local code=0 name=$2 runner
    eval "runner=($1)" # words as in cmd.sh, quotes included
    shift 2
    show "$@"
    if [ "$BASHPID" -eq $$ ]; then
        group "${runner[@]}" --log "$expdir/log/$name.log" "$@"
        wait $! || code=$?
    else # already in a group
        "${runner[@]}" --log "$expdir/log/$name.log" "$@" || code=$?
    fi
    [ "$code" -eq 0 ] && return
    log "stopped with exit code $code; the same ./run.sh skips what is done and goes on from here" >&2
    exit "$code"
}

#!/usr/bin/env bash
# shellcheck disable=SC2154 # of the script that sources this
# Functions of stage scripts; to be sourced in a recipe's folder. They read stages and expdir.

# within N TITLE: whether stage N is to run; prints its title.
within() {
    [[ " ${stages[*]} " == *" $1 "* ]] || return 1
    log "stage $1: $2"
}

# run RUNNER NAME COMMAND...: print a command and run it as a job; RUNNER is train_cmd or cpu_cmd of cmd.sh, NAME names the log.
# A failure ends the recipe with the command's own exit code.
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
    log "stopped with exit code $code; the same ./run.sh skips finished work and goes on from here" >&2
    exit "$code"
}

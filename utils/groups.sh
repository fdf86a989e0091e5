#!/usr/bin/env bash
# Jobs in process groups of their own, one after another or beside each other; to be sourced. What still runs when the script ends,
# for whatever reason, ends with it.

# group COMMAND...: in the background and in a process group of its own, so that what it starts can be ended with it.
group() {
    set -m
    gently "$@" &
    set +m
}
gently() {
    trap : TERM # its commands end themselves, and this shell tells how
    "$@"
}
end_groups() {
    local leader
    for leader in $(jobs -p); do
        kill -TERM -- "-$leader" 2>/dev/null || true
    done
    wait
}
trap end_groups EXIT

# share N MOST: the next N jobs run at once, at most MOST, each with its share of the cores.
share() {
    at_once=$(($1 < $2 ? $1 : $2))
}
# together FUNCTION ARGUMENT...: a job beside others. It draws no bar, since bars would cover each other. `join` waits for all.
running=0 failed=0 at_once=1
together() {
    if [ "$at_once" -eq 1 ]; then
        "$@"
        return
    fi
    [ "$running" -lt "$at_once" ] || reap
    KDSE_TERMINAL='' OMP_NUM_THREADS=$((OMP_NUM_THREADS > at_once ? OMP_NUM_THREADS / at_once : 1)) group "$@"
    running=$((running + 1))
}
reap() {
    wait -n || failed=$?
    running=$((running - 1))
}
join() {
    while [ "$running" -gt 0 ]; do
        reap
    done
    [ "$failed" -eq 0 ] || exit "$failed"
}

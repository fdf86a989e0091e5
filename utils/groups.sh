#!/usr/bin/env bash
# Jobs in process groups of their own, one after another or beside each other; to be sourced.
# When the script ends, for whatever reason, its jobs end too.

# group COMMAND...: start a command in the background, in a process group of its own. A signal to the group reaches all that it starts.
group() {
    set -m
    _gently "$@" &
    set +m
}
# _gently COMMAND...: run a command that handles SIGTERM itself; this shell waits for it and returns its exit code.
_gently() {
    trap : TERM
    "$@"
}
# _end_groups: end all jobs and wait for them.
_end_groups() {
    local leader
    for leader in $(jobs -p); do
        kill -TERM -- "-$leader" 2>/dev/null || true
    done
    wait
}
trap _end_groups EXIT

# share N MOST: the next N jobs run at once, MOST of them at a time; sets at_once. Each job gets its share of the cores.
share() {
    at_once=$(($1 < $2 ? $1 : $2))
}
running=0 failed=0 at_once=1
# together FUNCTION ARGUMENT...: start a job beside the others, or run it now where at_once is 1. `join` waits for all.
# Jobs beside each other draw no progress bar, because bars would cover each other.
together() {
    if [ "$at_once" -eq 1 ]; then
        "$@"
        return
    fi
    [ "$running" -lt "$at_once" ] || _reap
    KDSE_TERMINAL='' OMP_NUM_THREADS=$((OMP_NUM_THREADS > at_once ? OMP_NUM_THREADS / at_once : 1)) group "$@"
    running=$((running + 1))
}
# _reap: wait for one job; remember its exit code if it failed.
_reap() {
    wait -n || failed=$?
    running=$((running - 1))
}
# join: wait for all jobs. If one failed, the script ends with its exit code.
join() {
    while [ "$running" -gt 0 ]; do
        _reap
    done
    [ "$failed" -eq 0 ] || exit "$failed"
}

#!/usr/bin/env bash
# Let a node of start.sh's cluster die as with a power cut: its slurmd and all that runs under it.  tests/slurm/kill_node.sh FOLDER NODE
set -euo pipefail

folder=$(cd "$1" && pwd)
# descendants ID...: all processes below these
descendants() {
    local id children
    for id in "$@"; do
        children=$(pgrep -P "$id" || true)
        echo "$children"
        # shellcheck disable=SC2086
        descendants $children
    done
}
# A job's slurmstepd is nobody's child, but it works in the cluster's folder, and its socket in the node's folder names the job.
daemon=$(cat "$folder/$2.pid")
steps=$(for socket in "$folder/spool/$2/$2_"*; do
    [ -S "$socket" ] || continue
    job=${socket##*_}
    for id in $(pgrep -f "^slurmstepd: \[${job%.*}\." || true); do
        [ "$(readlink "/proc/$id/cwd")" != "$folder" ] || echo "$id"
    done
done)
kill -KILL "$daemon"
# shellcheck disable=SC2046,SC2086
kill -KILL $steps $(descendants $steps) 2>/dev/null || true
rm -f "$folder/$2.pid" "$folder/spool/$2/$2_"*

#!/usr/bin/env bash
# End the cluster that start.sh started in a folder, jobs included:  tests/slurm/stop.sh FOLDER
set -uo pipefail

[ -f "${1:-}/slurm.conf" ] || { echo "usage: stop.sh FOLDER, where start.sh was run" >&2; exit 2; }
folder=$(cd "$1" && pwd)
export SLURM_CONF=$folder/slurm.conf
scancel --user root 2>/dev/null
for _ in $(seq 20); do
    [ -n "$(squeue --noheader 2>/dev/null)" ] || break
    sleep 0.5
done

# By the ids that they wrote down, and only while these are still theirs.
end() {
    local pid
    pid=$(cat "$2" 2>/dev/null) || return 0
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] || return 0
    kill -TERM "$pid" 2>/dev/null
    for _ in $(seq 20); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.25
    done
    kill -KILL "$pid" 2>/dev/null
}
end slurmd "$folder/node1.pid"
end slurmd "$folder/node2.pid"
end slurmctld "$folder/slurmctld.pid"
end munged "$folder/munge/pid"
exit 0

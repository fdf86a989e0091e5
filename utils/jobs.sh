#!/usr/bin/env bash
# Run one command on this machine or on a Slurm node, its output on the terminal and in a log file.
#
#   utils/jobs.sh [--where local|slurm] [--slurm_opts "..."] [--ngpu N] [--num_nodes N] [--threads N] --log FILE command [argument...]
#
# Exit code: the command's own, of several nodes the largest. When it fails, its last lines are repeated on standard error, so that nobody has to open the log.
# On Slurm it is one batch job, which ends with this script. If a node is lost, Slurm starts the job again on another, and a kdse command
# then goes on where it was. On several nodes the command runs once on each, and torch.distributed finds the others by its usual variables.
set -euo pipefail

where=local
slurm_opts=
ngpu=0
num_nodes=1
threads=1
log=
help_message() {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"
}
utils=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$utils/log.sh"
. "$utils/parse_options.sh"
[ -n "$log" ] || die "--log FILE is missing"
[ $# -gt 0 ] || die "there is no command to run"

[[ $where =~ ^(local|slurm)$ ]] || die "--where is local or slurm, not '$where'"
if [ "$where" = slurm ]; then
    command -v sbatch >/dev/null || die "--where slurm needs sbatch, which is not on this machine; use --where local (cmd.sh)"
fi

# batch COMMAND...: the script that Slurm runs on the first node.
batch() {
    local words
    words=$(printf ' %q' "$@")
    printf '#!/usr/bin/env bash\nexport KDSE_TERMINAL= OMP_NUM_THREADS=%q\n' "$threads"
    # shellcheck disable=SC2016 # for the shell on the node
    echo 'echo "# job $SLURM_JOB_ID on $SLURM_JOB_NODELIST${SLURM_RESTART_COUNT:+, started again ($SLURM_RESTART_COUNT)}"'
    if [ "$num_nodes" -eq 1 ]; then
        echo "exec$words"
        return
    fi
    # shellcheck disable=SC2016
    echo 'export WORLD_SIZE=$SLURM_NNODES MASTER_ADDR=${MASTER_ADDR:-$(hostname)} MASTER_PORT=$((20000 + SLURM_JOB_ID % 5000 * 2))'
    # shellcheck disable=SC2016
    printf 'exec srun --cpus-per-task %q --kill-on-bad-exit=1 bash -c %q -%s\n' "$threads" 'RANK=$SLURM_NODEID exec "$@"' "$words"
}

# on_slurm COMMAND...: run it as a batch job, pass on what it writes to the log, return its exit code.
on_slurm() {
    local code=0 options=() extra
    options=(--job-name "$(basename "${log%.log}")" --nodes "$num_nodes" --ntasks-per-node 1 --cpus-per-task "$threads")
    [ "$ngpu" -eq 0 ] || options+=(--gres "gpu:$ngpu")
    read -ra extra <<<"$slurm_opts"
    options+=(--requeue --output "$log" --open-mode append "${extra[@]}")
    exec 3< <(trap '' INT TERM HUP && exec sbatch --wait --parsable "${options[@]}" < <(batch "$@"))
    submitted=$!
    if read -r job <&3; then
        job=${job%%;*} # the cluster's name may follow
        trap 'cancel' INT TERM HUP
        (trap '' INT TERM HUP && exec tail -n +3 -f --pid "$submitted" "$log" 3<&-) &
    fi
    wait "$submitted" || code=$?
    while kill -0 "$submitted" 2>/dev/null; do # a signal ended `wait` early
        code=0
        wait "$submitted" || code=$?
    done
    wait
    return "$code"
}
# Only when the job has ended may the same command be run again: two would write in one folder.
# shellcheck disable=SC2329 # a trap calls it
cancel() {
    scancel "$job" || true
    while [ -n "$(squeue --noheader --jobs "$job" 2>/dev/null)" ]; do
        sleep 1
    done
    kill -KILL "$submitted" 2>/dev/null || true # it looks only every half minute
    log "job $job is cancelled" >&2
}

mkdir -p "$(dirname "$log")"
{
    echo "# $(date '+%F %T') on $(hostname)"
    show "$@"
} >"$log"

# Through a pipe nothing is a terminal any more: kdse draws its bars here instead, which also keeps them out of the log. Set and empty, nowhere.
if [ "$where" = local ] && [ -t 2 ] && [ -z "${KDSE_TERMINAL+set}" ]; then
    export KDSE_TERMINAL=/dev/tty
fi

code=0
if [ "$where" = slurm ]; then
    on_slurm "$@" || code=$?
else
    trap : TERM # this script and tee outlive an interrupt, so that the last words of the command are still heard
    "$@" 2>&1 | (trap '' TERM && exec tee -ia "$log") || code=$?
fi
if [ "$code" -ne 0 ]; then
    {
        echo "failed with exit code $code: $(show "$@" | cut -c3-)"
        echo "its last lines (all of them: $log):"
        tail -n +3 "$log" | tail -n 5 | sed 's/^/    /'
    } >&2
fi
exit "$code"

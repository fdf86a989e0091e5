#!/usr/bin/env bash
# Run one command on this machine or on a Slurm node. Its output goes to the terminal and to a log file.
#
#   utils/jobs.sh [--where local|slurm] [--slurm_opts "..."] [--ngpu N] [--num_nodes N] [--threads N] --log FILE command [argument...]
#
# The exit code is the command's own; of several nodes, the largest. If the command fails, standard error repeats its last lines.
# On Slurm the command is one batch job, which ends with this script. If a node is lost, Slurm starts the job again on another node;
# a kdse command then resumes. On several nodes the command runs once on each, with the variables of torch.distributed.
# --ngpu, --num_nodes, --threads and --slurm_opts are for Slurm alone.
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

# batch COMMAND...: print the script that Slurm runs on the first node.
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

# on_slurm COMMAND...: run a command as a batch job, print what it writes to the log, return its exit code.
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
# cancel: cancel the job and wait for its end. Only then may the same command run again, because two would write to one folder.
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

# Below, kdse writes into a pipe, where it would draw no progress bar. It draws bars on this terminal, which keeps them out of the log.
# Where KDSE_TERMINAL is set and empty, it draws none.
if [ "$where" = local ] && [ -t 2 ] && [ -z "${KDSE_TERMINAL+set}" ]; then
    export KDSE_TERMINAL=/dev/tty
fi

code=0
if [ "$where" = slurm ]; then
    on_slurm "$@" || code=$?
else
    trap : TERM # this script and tee outlive an interrupt, so that the command's last lines are still printed
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

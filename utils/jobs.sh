#!/usr/bin/env bash
# Run one command on this machine or on a Slurm node, its output on the terminal and in a log file.
#
#   utils/jobs.sh [--where local|slurm] [--slurm_opts "..."] [--ngpu N] [--num_nodes N] [--threads N] --log FILE command [argument...]
#
# Exit code: the command's own. When it fails, its last lines are repeated on standard error, so that nobody has to open the log.
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

case "$where" in
    local) runner=() ;;
    slurm)
        command -v srun >/dev/null || die "--where slurm needs srun, which is not on this machine; use --where local (cmd.sh)"
        runner=(srun --job-name "$(basename "${log%.log}")" --nodes "$num_nodes" --ntasks-per-node 1 --cpus-per-task "$threads")
        [ "$ngpu" -eq 0 ] || runner+=(--gres "gpu:$ngpu")
        read -ra extra <<<"$slurm_opts"
        runner+=("${extra[@]}")
        ;;
    *) die "--where is local or slurm, not '$where'" ;;
esac

mkdir -p "$(dirname "$log")"
{
    echo "# $(date '+%F %T') on $(hostname)"
    show "$@"
} >"$log"

# Through a pipe nothing is a terminal any more: kdse draws its bars here instead, which also keeps them out of the log. Set and empty, nowhere.
if [ "$where" = local ] && [ -t 2 ] && [ -z "${KDSE_TERMINAL+set}" ]; then
    export KDSE_TERMINAL=/dev/tty
fi

# This script and tee outlive an interrupt, so that the last words of the command are still heard.
trap : TERM
code=0
"${runner[@]}" "$@" 2>&1 | (trap '' TERM && exec tee -ia "$log") || code=$?
if [ "$code" -ne 0 ]; then
    {
        echo "failed with exit code $code: $(show "$@" | cut -c3-)"
        echo "its last lines (all of them: $log):"
        tail -n +3 "$log" | tail -n 5 | sed 's/^/    /'
    } >&2
fi
exit "$code"

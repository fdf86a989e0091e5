#!/usr/bin/env bash
# chime4: CHiME-4, one-channel track: simulated and real recordings on a bus, in cafes, pedestrian areas and streets.
# db.sh says where CHiME-4 and WSJ0 are on this machine; both are licensed by the LDC.
#   ./run.sh                        test on the official sets dt05 and et05, and on booth recordings as a ceiling
#   ./run.sh --allow_partial true   accept a tree that was cut down on purpose
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

allow_partial=false options=()
while [ $# -gt 0 ]; do
    case "$1" in
        --allow_partial) allow_partial=${2:-} && shift $(($# > 1 ? 2 : 1)) ;;
        --allow_partial=*) allow_partial=${1#*=} && shift ;;
        *) options+=("$1") && shift ;;
    esac
done
if ! [[ $allow_partial =~ ^(true|false)$ ]]; then
    echo "run.sh: --allow_partial is true or false, not '$allow_partial'" >&2
    exit 2
fi
. ./db.sh
data=("--chime4=$CHIME4" "--wsj0=$WSJ0")
[ "$allow_partial" = false ] || data+=(--allow_partial)

# No oracle_irm: real recordings have no clean signal.
exec ../../TEMPLATE/kd1/kd.sh \
    --corpus chime4 \
    --sets "dt05_simu dt05_real et05_simu et05_real dt05_bth et05_bth" \
    --baselines "spectral_subtraction wiener log_mmse" \
    --data_opts "$(printf '%s\n' "${data[@]}")" \
    "${options[@]}"

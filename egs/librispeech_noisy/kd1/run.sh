#!/usr/bin/env bash
# librispeech_noisy: LibriSpeech with noise at 0 dB on average, half of it unseen in training. db.sh says where the data are.
#   ./run.sh                        train on train-clean-100; --hours 460 or 960 for more
#   ./run.sh --download true        fetch the subsets that are missing
#   ./run.sh --allow_partial true   accept a tree that was cut down on purpose
#   ./run.sh --size tiny            such a tree, and models that train in minutes; its numbers mean nothing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

hours=100 size=default download=false allow_partial=false options=()
while [ $# -gt 0 ]; do
    case "$1" in
        --hours | --size | --download | --allow_partial) declare "${1#--}=${2:-}" && shift $(($# > 1 ? 2 : 1)) ;;
        --hours=* | --size=* | --download=* | --allow_partial=*) declare "${1#--}" && shift ;;
        *) options+=("$1") && shift ;;
    esac
done
if ! [[ "$hours $size $download $allow_partial" =~ ^(100|460|960)\ (default|tiny)(\ (true|false)){2}$ ]]; then
    echo "run.sh: --hours is 100, 460 or 960, --size default or tiny, --download and --allow_partial true or false" >&2
    exit 2
fi
. ./db.sh
data=(--librispeech "$LIBRISPEECH" --noise "$NOISE" --hours "$hours")
[ -z "$NOISE_TEST" ] || data+=(--noise_test "$NOISE_TEST")
[ "$download" = false ] || data+=(--download)
conf=conf mix=default
[ -z "$RIRS" ] || { data+=(--rirs "$RIRS") && mix=reverb; }
[ "$size" = default ] || conf=conf/tiny allow_partial=true
[ "$allow_partial" = false ] || data+=(--allow_partial)

exec ../../TEMPLATE/kd1/kd.sh \
    --corpus librispeech \
    --sets "dev-clean_noisy dev-other_noisy test-clean_noisy test-other_noisy test-clean_clean test-other_clean" \
    --asr_config "$conf/asr/conformer.yaml" --teacher_config "$conf/teacher/conformer.yaml" \
    --student_config "$conf/student/bandcrn-m.yaml" --all_config "$conf/student/bandcrn-m_warm.yaml" \
    --tokens_config "$conf/tokens.yaml" --mix_config "conf/mix/$mix.yaml" \
    --data_opts "$(printf '%s\n' "${data[@]}")" \
    "${options[@]}"

#!/usr/bin/env bash
# mini: synthetic speech from text-to-speech voices in pinned wheels, and synthetic noise; nothing to download.
# It shows that the recipe works. What a method is worth, real speech shows: egs/an4_noisy.
#   ./run.sh                    the whole recipe; about 15 minutes on 2 CPU cores
#   ./run.sh --size smallest    the same stages in a few minutes, for tests; its numbers mean nothing
# MINI_SIZE=smallest in the environment has the same effect on every call.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

size=${MINI_SIZE:-default}
options=()
while [ $# -gt 0 ]; do
    case "$1" in
        --help | -h) echo "mini's own option: --size default, or smallest, which takes minutes and means nothing" && options+=("$1") && shift ;;
        --size=*) size=${1#*=} && shift ;;
        --size) size=${2:-} && shift $(($# > 1 ? 2 : 1)) ;;
        *) options+=("$1") && shift ;;
    esac
done
if ! [[ $size =~ ^(default|smallest)$ ]]; then
    echo "run.sh: --size is default or smallest, not '$size'" >&2
    exit 2
fi
# The smallest size has configs of its own; its numbers mean nothing, so nothing is claimed.
conf=conf/smallest claim=
[ "$size" = smallest ] || conf=conf claim="kd_bandcrn-m < standalone_se_bandcrn-m on test_noisy"

exec ../../TEMPLATE/kd1/kd.sh \
    --corpus mini \
    --data_opts $'--size\n'"$size" \
    --asr_config "$conf/asr/conformer.yaml" \
    --teacher_config "$conf/teacher/conformer.yaml" \
    --student_config "$conf/student/bandcrn-m.yaml" \
    --all_config "$conf/student/bandcrn-m_warm.yaml" \
    --tokens_config "$conf/tokens.yaml" \
    --train_jobs 2 \
    --claim "$claim" \
    "${options[@]}"

#!/usr/bin/env bash
# mini: speech made by text-to-speech voices that come inside pinned wheels, noise made by signal processing; nothing to download.
# It shows that the machinery works. What a method is worth is shown on real speech: egs/an4_noisy.
#   ./run.sh                    the whole recipe, at most 15 minutes on 2 CPU cores
#   ./run.sh --size smallest    the same stages in a few minutes, for tests; its numbers mean nothing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

size=default
options=()
while [ $# -gt 0 ]; do
    case "$1" in
        --size)
            size=${2:-}
            shift $(($# > 1 ? 2 : 1))
            ;;
        *)
            options+=("$1")
            shift
            ;;
    esac
done
if ! [[ $size =~ ^(default|smallest)$ ]]; then
    echo "run.sh: --size is default or smallest, not '$size'" >&2
    exit 2
fi
claim="kd < standalone_se on test_noisy"
[ "$size" = default ] || claim=

../../TEMPLATE/kd1/kd.sh \
    --corpus mini \
    --data_opts "--size $size" \
    --asr_config "conf/$size/asr.yaml" \
    --teacher_config "conf/$size/teacher.yaml" \
    --student_config "conf/$size/dccrn-xs.yaml" \
    --claim "$claim" \
    "${options[@]}"

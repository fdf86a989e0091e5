#!/usr/bin/env bash
# The student that comes with kdse, kdse/runtime/models/kd.onnx: the kd_q of ./run.sh, tested with recognisers that did not teach it.
#   ./packaged.sh             trains, tests and exports it; about 4 hours of a core
#   ./packaged.sh --publish   also puts rows, tables, model and model card where git tracks them
# Finished work is skipped. db.sh says where speech and noises are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../../utils/log.sh
[[ "$*" =~ ^(--publish)?$ ]] || die "the one option is --publish, not '$*'"
. ./path.sh

run=kd_q_bandcrn-m_words_seed0
omega=0.4 # chosen on dev
decode=../../../conf/decode

# others LATER...: ./run.sh's stages from 8 on with the recognisers that taught nothing.
others() {
    local recogniser
    for recogniser in whisper_tiny pocketsphinx; do
        ./run.sh --stage 8 --stop_stage "$1" --inference_config $decode/$recogniser.yaml "${publish[@]}"
    done
}

publish=()
[ $# -eq 0 ] || publish=(--publish true)
./run.sh --stop_stage 9
others 9
kdse export --run exp/$run --mix $omega --check dump/dev_noisy
[ $# -gt 0 ] || exit 0
./run.sh --stage 10 --stop_stage 10 "${publish[@]}"
kdse export --run exp/$run --mix $omega --package kd --results exp/results exp/results/whisper_tiny exp/results/pocketsphinx

#!/usr/bin/env bash
# The student that comes with kdse, kdse/runtime/models/kd.onnx: kd on AN4 and further speech, taught by ./run.sh's recogniser.
#   ./packaged.sh             trains it, tests it on AN4 with two recognisers, and exports it; about 3 hours of one core
#   ./packaged.sh --publish   also puts model, checksum, model card and score rows where git tracks them
# Finished work is skipped. db.sh says where AN4, LibriSpeech, the further speech and the noises are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../../utils/log.sh
[[ "$*" =~ ^(--publish)?$ ]] || die "the one option is --publish, not '$*'"
. ./db.sh
. ./path.sh

run=kd_bandcrn-m_packaged_seed0
conf=../../../conf mix=conf/mix/default.yaml
whisper=$conf/decode/whisper.yaml

# shown COMMAND...: print a command, then run it.
shown() {
    show "$@"
    "$@"
}

./run.sh --stage 1 --stop_stage 3
# shellcheck disable=SC2086 # several tables are several words
shown kdse data an4_plus --an4 "$AN4" --noise "$NOISE" --librispeech "$LIBRISPEECH" --speech $SPEECH --out data_plus
shown kdse mix --data data_plus --dump dump_plus --sets $mix
shown kdse tokens --backend exp/asr_conformer --dump dump_plus --config $conf/tokens.yaml --out exp/tokens_plus
shown kdse train se --approach kd --approach_config $conf/approach/kd.yaml --config $conf/student/bandcrn-m_packaged.yaml \
    --backend exp/asr_conformer --tokens exp/tokens_plus --out exp/$run --corpus an4_plus --data data_plus --dump dump_plus --mix $mix
shown kdse export --run exp/$run --check dump/dev_noisy

sets=(--dump dump --sets dev_noisy test_noisy test_clean)
runs=(--run exp/mct_noisy_seed0 "exp/$run")
shown kdse enhance-sets --run exp/$run "${sets[@]}"
shown kdse decode --backend exp/asr_conformer --corpus an4 --config $conf/decode/ctc_greedy.yaml "${runs[@]}" "${sets[@]}"
shown kdse score --backend asr_conformer --out exp/results/packaged "${runs[@]}" "${sets[@]}"
# Whisper takes a third of real time, so it hears the dev set alone
dev=(--dump dump --sets dev_noisy)
shown kdse decode --backend exp/asr_conformer --corpus an4 --config "$whisper" "${runs[@]}" "${dev[@]}"
shown kdse score --backend whisper --out exp/results/packaged/whisper "${runs[@]}" "${dev[@]}"
[ $# -gt 0 ] || exit 0
shown kdse export --run exp/$run --package kd --results exp/results/packaged exp/results/packaged/whisper
shown mkdir -p results/packaged/whisper
shown cp exp/results/packaged/*.jsonl.gz exp/results/packaged/*.yaml results/packaged
shown cp exp/results/packaged/whisper/*.jsonl.gz exp/results/packaged/whisper/*.yaml results/packaged/whisper

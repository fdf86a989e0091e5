#!/usr/bin/env bash
# The backend matrix of RESULTS.md: students of several teachers, each heard by every backend. After ./run.sh; what is done is skipped.
#   ./matrix.sh    trains the other backend and the students that learn from it, listens with all, scores and renders
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../../utils/log.sh
. ./path.sh

student=bandcrn-m
other=transducer # the second teacher
shared=("mct_noisy_seed0" "standalone_se_${student}_seed0" "kd_${student}_seed0") # of ./run.sh
taught=("kd_${student}_${other}_seed0" "kd_${student}_with-${other}_seed0")       # by the other one, by both

plain=(--approaches kd --baselines "" --sets test_noisy)
./run.sh --stage 3 --stop_stage 3 --asr_config "conf/asr/$other.yaml"
./run.sh --stage 5 --stop_stage 7 --asr_config "conf/asr/$other.yaml" "${plain[@]}"
./run.sh --stage 6 --stop_stage 7 --second_asr "$other" "${plain[@]}"

# said COMMAND...: print it, then run it.
said() {
    show "$@"
    "$@"
}

# hears LISTENER FOLDER YAML RUN...: stages 8 and 9 of some runs; FOLDER is a backend's, which recognisers from elsewhere do not use.
hears() {
    local listener=$1 folder=$2 yaml=$3
    shift 3
    local common=(--run "${@/#/exp/}" --dump dump --sets test_noisy --selected selected.yaml)
    said kdse decode --backend "$folder" --corpus an4 --config "$yaml" "${common[@]}"
    said kdse score --backend "$listener" --out "results/backends/${listener#asr_}" "${common[@]}"
}

conf=../../../conf/decode
hears asr_conformer exp/asr_conformer $conf/ctc_greedy.yaml "${shared[@]}" "${taught[@]}"
hears asr_$other exp/asr_$other $conf/$other.yaml "${shared[@]}" "${taught[@]}"
hears pocketsphinx exp/asr_conformer conf/decode/pocketsphinx.yaml "${shared[@]}" "${taught[@]}"
hears whisper exp/asr_conformer $conf/whisper.yaml "${shared[@]}" "${taught[@]}"
for name in conformer $other pocketsphinx whisper; do
    said kdse report --recipe . --expdir exp --backend "$name"
done

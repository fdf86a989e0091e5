#!/usr/bin/env bash
# The backend matrix of RESULTS.md: students of several teachers, each heard by every backend. After ./run.sh; what is done is skipped.
#   ./matrix.sh    trains the other backends and the students that learn from them, listens with all, scores and renders
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../../utils/log.sh
. ./path.sh

student=bandcrn-m
declare -A search=([conformer]=ctc_greedy [transducer]=transducer [transformer]=attention [e_branchformer]=attention)
others="transducer transformer e_branchformer" # the teachers beside the conformer of ./run.sh
second=transducer                              # the one that also teaches together with it
runs=("mct_noisy_seed0" "standalone_se_${student}_seed0" "kd_${student}_with-${second}_seed0")
seeds="0 1 2" # of the student of the conformer; of the others 0
for seed in $seeds; do runs+=("kd_${student}_seed$seed"); done

plain=(--approaches kd --baselines "" --sets test_noisy)
for other in $others; do
    ./run.sh --stage 3 --stop_stage 3 --asr_config "conf/asr/$other.yaml"
    ./run.sh --stage 5 --stop_stage 7 --asr_config "conf/asr/$other.yaml" "${plain[@]}"
    runs+=("kd_${student}_${other}_seed0")
done
./run.sh --stage 6 --stop_stage 7 --seeds "$seeds" "${plain[@]}"
./run.sh --stage 6 --stop_stage 7 --second_asr "$second" "${plain[@]}"

# said COMMAND...: print it, then run it.
said() {
    show "$@"
    "$@"
}

# hears LISTENER FOLDER YAML: stages 8 and 9 of all runs; FOLDER is a backend's, which recognisers from elsewhere do not use.
hears() {
    local listener=$1 folder=$2 yaml=$3
    local common=(--run "${runs[@]/#/exp/}" --dump dump --sets test_noisy --selected selected.yaml)
    said kdse decode --backend "$folder" --corpus an4 --config "$yaml" "${common[@]}"
    said kdse score --backend "$listener" --out "results/backends/${listener#asr_}" "${common[@]}"
}

conf=../../../conf/decode
for name in conformer $others; do
    hears "asr_$name" "exp/asr_$name" "$conf/${search[$name]}.yaml"
done
hears pocketsphinx exp/asr_conformer conf/decode/pocketsphinx.yaml
hears whisper exp/asr_conformer $conf/whisper.yaml
# shellcheck disable=SC2086
said kdse report --recipe . --expdir exp --backend conformer $others pocketsphinx whisper

#!/usr/bin/env bash
# The backend matrix of RESULTS.md: students of several teachers, tested with every recogniser. Run it after ./run.sh.
#   ./matrix.sh    trains the other backends and their students, decodes with every recogniser, scores and renders
# Finished work is skipped. Results go to exp/results; ./matrix.sh --publish copies them to results/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../../utils/log.sh
[[ "$*" =~ ^(--publish)?$ ]] || die "the one option is --publish, not '$*'"
. ./path.sh

student=bandcrn-m
declare -A search=([conformer]=ctc_greedy [transducer]=transducer [transformer]=attention [e_branchformer]=attention)
others="transducer transformer e_branchformer" # backends beside the conformer of ./run.sh
beside=transducer                              # the one that also teaches beside the conformer
runs=("mct_noisy_seed0" "standalone_se_${student}_seed0" "kd_${student}_with-${beside}_seed0")
seeds="0 1 2" # of the conformer's student; of the others 0
for seed in $seeds; do runs+=("kd_${student}_seed$seed"); done

plain=(--approaches kd --baselines "" --sets test_noisy)
for other in $others; do
    ./run.sh --stage 3 --stop_stage 3 --asr_config "conf/asr/$other.yaml"
    ./run.sh --stage 5 --stop_stage 7 --asr_config "conf/asr/$other.yaml" "${plain[@]}"
    runs+=("kd_${student}_${other}_seed0")
done
./run.sh --stage 6 --stop_stage 7 --seeds "$seeds" "${plain[@]}"
./run.sh --stage 6 --stop_stage 7 --teacher_asrs "$beside" "${plain[@]}"

# shown COMMAND...: print a command, then run it.
shown() {
    show "$@"
    "$@"
}

# test_with RECOGNISER BACKEND YAML: stages 8 and 9 of all runs; recognisers from elsewhere do not use the backend.
test_with() {
    local recogniser=$1 backend=$2 yaml=$3
    local common=(--run "${runs[@]/#/exp/}" --dump dump --sets test_noisy --selected selected.yaml)
    shown kdse decode --backend "$backend" --corpus an4 --config "$yaml" "${common[@]}"
    shown kdse score --backend "$recogniser" --out "exp/results/backends/${recogniser#asr_}" "${common[@]}"
}

conf=../../../conf/decode
for name in conformer $others; do
    test_with "asr_$name" "exp/asr_$name" "$conf/${search[$name]}.yaml"
done
test_with pocketsphinx exp/asr_conformer conf/decode/pocketsphinx.yaml
test_with whisper exp/asr_conformer $conf/whisper.yaml
# shellcheck disable=SC2086
shown kdse report --recipe . --expdir exp --backend conformer $others pocketsphinx whisper "$@"

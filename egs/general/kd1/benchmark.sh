#!/usr/bin/env bash
# Everything that RESULTS.md and results/ show: the recipe with three seeds, recognisers that taught nothing, published enhancers.
#   ./benchmark.sh             trains everything: a night on two cores, as we estimate
#   ./benchmark.sh --trained   takes the trainings from models/: some hours less
#   ./benchmark.sh --publish   also puts rows, tables and plots where git tracks them; both options may be given
# Finished work is skipped. It takes AN4, LibriSpeech, further speech and noises (db.sh), and tools/peers-requirements.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../../utils/log.sh
trained=false publish=false
for option in "$@"; do
    case $option in
        --trained) trained=true ;;
        --publish) publish=true ;;
        *) die "the options are --trained and --publish, not '$option'" ;;
    esac
done
. ./path.sh

# shown COMMAND...: print a command, then run it.
shown() {
    show "$@"
    "$@"
}

seeds="0 1 2"
omega=0.2 # of the packaged student, chosen on dev
if [ "$trained" = true ]; then
    mkdir -p exp
    for model in models/*/; do [ -e "exp/$(basename "$model")" ] || shown cp -r "$model" exp; done
fi
./run.sh --approaches standalone_se --baselines "" --stop_stage 9
./run.sh --approaches kd_q --seeds "$seeds" --baselines "" --stage 6 --stop_stage 9

# another recogniser hears the same files
runs=(mct_noisy_seed0)
for seed in $seeds; do runs+=("kd_q_gtcrn_words_seed$seed"); done
common=(--run "${runs[@]/#/exp/}" --dump dump --sets test_noisy test_clean --selected selected.yaml --omegas 0 "$omega")
shown kdse decode --backend exp/asr_whisper --corpus general --config conf/decode/whisper_tiny.en.yaml "${common[@]}"
shown kdse score --backend whisper_tiny.en --out exp/results/backends/whisper_tiny.en "${common[@]}"

# published enhancers as they are, and the two best with observation adding, too
others=("RNNoise 0.2" GTCRN DTLN NSNet2 DeepFilterNet3 WebRTC noisereduce logmmse)
others+=("GTCRN,mix=0.4" "DeepFilterNet3,mix=0.4") # their best on dev

# compare NAME RECOGNISER...: the packaged student and the others on the noisy test set of the recipe in this folder.
compare() {
    local out=$here/exp/compare/$1 # relative, since the report of the comparison tells its command
    shift
    shown kdse compare dump/test_noisy --out "$out" --model general general,mix=0 --enhancers "${others[@]}" --recognisers "$@" \
        "$here"/conf/decode/whisper_{base,tiny.en}.yaml --no_dnsmos
    [ "$publish" = false ] || shown install -Dm644 -t "$here/results/compare/${out##*/}" "$out"/{compare.{md,csv,png,json},rows.jsonl.gz}
}

here=.
compare librispeech

# AN4, with a recogniser that was trained on it in noise, too
others=("GTCRN,mix=0.4" "DeepFilterNet3,mix=0.4")
cd ../../an4_noisy/kd1
here=../../general/kd1
shown ./run.sh --stop_stage 3
compare an4 exp/asr_conformer
cd "$here"

[ "$publish" = true ] && report=(--publish) || report=()
shown kdse report --recipe . --expdir exp --backend whisper_tiny.en "${report[@]}"

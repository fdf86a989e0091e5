#!/usr/bin/env bash
# The stages of every recipe. A recipe's run.sh calls this in its own folder, with its corpus's settings and the user's options.
# shellcheck disable=SC2034,SC2154 # `kdse runs names` reads options by their names, and assigns what stages read
set -euo pipefail

stage=1
stop_stage=11
skip_data_prep=false skip_train=false skip_eval=false
publish=false
nj=$(getconf _NPROCESSORS_ONLN)
ngpu=0 num_nodes=1
train_jobs=1
inference_nj=1
gpu_inference=false
expdir=exp
dumpdir=dump
exp_tag=
approaches="standalone_se kd"
seeds="0"
baselines="spectral_subtraction"
omegas="0"
home_asr=conformer
asr_config=conf/asr/conformer.yaml
asr_model=
teacher_asrs=
second_asr= # the old name of teacher_asrs
teacher_config=conf/teacher/conformer.yaml
student_config=conf/student/bandcrn-m.yaml
kd_config=
all_config=conf/student/bandcrn-m_warm.yaml
tokens_config=conf/tokens.yaml
mix_config=conf/mix/default.yaml
inference_config=conf/decode/ctc_greedy.yaml
# Corpus: set by run.sh
corpus=
data_opts= # arguments of kdse data, one a line
sets="dev_noisy test_noisy test_clean"
claim=

help_message() {
    cat <<EOF
Usage: ./run.sh [--option value]...

Stages (--stage first, --stop_stage last):
   1 data     find or make the corpus; write and check its data dirs
   2 mix      mix fixed noisy dev and test sets; pack speech and noise for mixing in training
   3 asr      train the backend, the recipe's recogniser, on noisy speech (mct_noisy)
   4 teacher  train the SE teacher and standalone_se
   5 tokens   cluster the backend's latents by K-means
   6 train    train every approach asked for, with every seed
   7 enhance  enhance dev and test sets
   8 decode   recognise them with the backend, or with the recogniser of --inference_config
   9 score    write score rows to $expdir/results
  10 report   render RESULTS.md, tables, plots and a page in $expdir/results
  11 export   write the front ends of stage 6 as ONNX files, for kdse enhance --model RUN and sherpa-onnx

Options (with their values now):
  --stage $stage --stop_stage $stop_stage    stages to run; finished work is skipped
  --skip_data_prep $skip_data_prep --skip_train $skip_train --skip_eval $skip_eval    true: skip stages 1 and 2; 3 to 6; 7 to 10
  --publish $publish    true: stage 10 also copies rows, tables and plots to results/ and RESULTS.md, which git tracks
  --approaches "$approaches" --seeds "$seeds"    what stage 6 trains and stages 7 to 9 test; all: every approach
  --baselines "$baselines"    front ends without training, tested beside them
  --omegas "$omegas"    observation adding in stages 8 and 9: shares of the noisy signal to try
  --sets "$sets"    sets of stages 7 to 9; with a selected.yaml, test sets only for the runs that it names
  --nj $nj    processes of stages 1, 2 and 9; jobs of stage 7 at once
  --ngpu $ngpu --num_nodes $num_nodes    training: GPUs a node (0: CPU), and nodes
  --train_jobs $train_jobs    trainings at once (stages 3 and 4, then 6); each takes its share of the cores
  --inference_nj $inference_nj    jobs of stages 8 and 9 at once; each takes its share of the runs
  --gpu_inference $gpu_inference    true: jobs of stages 7 and 8 ask for a GPU (train_cmd) and need it; false: they use one they see
  --asr_config $asr_config    the backend
  --asr_model "$asr_model"    a trained ESPnet model as the backend: an experiment folder, a packed archive or a .pth file
  --teacher_asrs "$teacher_asrs"    recognisers that teach beside the backend, by the names of their configs;
      run stages 3 and 5 with each as --asr_config first (--second_asr "$second_asr" is the old name)
  --teacher_config "$teacher_config"    the SE teacher; empty: none
  --student_config $student_config    the student
  --kd_config "$kd_config"    that of approaches other than standalone_se, where it is another
  --all_config $all_config    the student of --approaches all; it starts from stage 4's
  --tokens_config $tokens_config --mix_config $mix_config    stages 5 and 2
  --inference_config $inference_config    the search, or another recogniser
  --expdir $expdir --dumpdir $dumpdir    folders of models and results, and of mixed sets
  --exp_tag "$exp_tag"    added to the names of all runs
  --corpus $corpus --data_opts "$data_opts"    what stage 1 prepares
  --claim "$claim"    stage 10 checks it; exit code 1 if it does not hold

'. ./path.sh && kdse runs list' lists approaches, students, recognisers and SE teachers.
cmd.sh sets where jobs run (this machine, Slurm), db.sh where corpora are.
EOF
}
root=../../..
. "$root/utils/log.sh"
. "$root/utils/parse_options.sh"
. "$root/utils/groups.sh"
. "$root/utils/stages.sh"
[ $# -eq 0 ] || die "'$1' is no option; options are --name value, and a value with blanks needs quotes"
. ./path.sh
. ./cmd.sh

# Names and paths of all that is trained and tested, and the arguments of each run, as assignments for bash.
options=()
for name in root stage stop_stage skip_data_prep skip_train skip_eval nj ngpu num_nodes train_jobs inference_nj expdir exp_tag \
    approaches seeds baselines omegas sets corpus data_opts claim home_asr asr_config asr_model teacher_asrs second_asr teacher_config \
    student_config kd_config all_config tokens_config mix_config inference_config; do options+=("--$name=${!name}"); done
plan=$(kdse runs names "${options[@]}")
eval "$plan"
inference_cmd=$cpu_cmd device=()
[ "$gpu_inference" = false ] || inference_cmd="$train_cmd --ngpu 1" device=(--ngpu 1)
train_cmd="$train_cmd --ngpu $ngpu --num_nodes $num_nodes"
training=(--corpus "$corpus" --dump "$dumpdir" --mix "$mix_yaml" --ngpu "$ngpu" --num_nodes "$num_nodes")

# front_end RUN: train a student.
front_end() {
    local arguments
    eval "arguments=(${training_of[$1]})"
    run "$train_cmd" "train_$1" kdse train se "${arguments[@]}" ${se_teacher:+--se_teacher "$expdir/$se_teacher"} \
        --out "$expdir/$1" "${training[@]}"
}

# enhance RUN: enhance the sets with its front end. One without training has arguments of its own and no use for a GPU.
enhance() {
    local arguments=("${device[@]}") runner=$inference_cmd
    if [ -n "${enhancing_of[$1]-}" ]; then
        eval "arguments=(${enhancing_of[$1]})"
        runner=$cpu_cmd
    fi
    run "$runner" "enhance_$1" kdse enhance-sets --run "$expdir/$1" "${arguments[@]}" --dump "$dumpdir" "${testing[@]}"
}

# shared_out RUNNER VERB ARGUMENT...: a verb that takes all runs, as --inference_nj jobs of some runs each.
shared_out() {
    local runner=$1 verb=$2 count=${#tested[@]} part first=0 size
    shift 2
    share "$count" "$inference_nj"
    for ((part = 1; part <= at_once; part++, first += size)); do
        size=$(((count - first) / (at_once - part + 1)))
        together run "$runner" "$verb$([ "$at_once" -eq 1 ] || echo "_$part")" kdse "$verb" "$@" --run "${tested[@]:first:size}" \
            --omegas "${omega_list[@]}" "${testing[@]}"
    done
    join
}

if within 1 "data"; then
    run "$cpu_cmd" data kdse data "$corpus" "${data_of[@]}" --out data --nj "$nj"
fi

if within 2 "mix"; then
    run "$cpu_cmd" mix kdse mix --data data --dump "$dumpdir" --sets "$mix_yaml" --nj "$nj"
fi

share $(((stage <= 3) + 2 * (stop_stage >= 4))) "$train_jobs" # stages 3 and 4 need nothing of each other
if within 3 "asr"; then
    if [ -n "$asr_model" ]; then
        run "$cpu_cmd" adopt kdse adopt --model "$asr_model" --out "$backend" --corpus "$corpus"
    else
        together run "$train_cmd" "train_$(basename "$backend")" kdse train asr --config "$asr_yaml" --data data --out "$backend" \
            "${training[@]}"
    fi
fi

if within 4 "teacher"; then
    [ -z "$se_teacher" ] || together run "$train_cmd" "train_$se_teacher" kdse train se --approach standalone_se --name se_teacher \
        --config "$teacher_yaml" --out "$expdir/$se_teacher" "${training[@]}"
    together front_end "$standalone"
fi
join

if within 5 "tokens"; then
    run "$cpu_cmd" tokens kdse tokens --backend "$backend" --dump "$dumpdir" --config "$tokens_yaml" --out "$tokens"
fi

if within 6 "train"; then
    share ${#front_ends[@]} "$train_jobs"
    for name in "${front_ends[@]}"; do together front_end "$name"; done
    join
fi

if within 7 "enhance"; then
    share ${#enhanced[@]} "$nj"
    for name in "${enhanced[@]}"; do together enhance "$name"; done
    join
fi

if within 8 "decode"; then
    shared_out "$inference_cmd" decode --backend "$backend" --tokens "$tokens" --corpus "$corpus" --dump "$dumpdir" \
        --config "$inference_yaml" "${device[@]}"
fi

if within 9 "score"; then
    shared_out "$cpu_cmd" score --backend "$score_backend" --dump "$dumpdir" --out "$results" \
        --nj $((nj > inference_nj ? nj / inference_nj : 1))
fi

if within 10 "report"; then
    [ "$publish" = false ] || report_of+=(--publish)
    run "$cpu_cmd" report kdse report --recipe . --expdir "$expdir" "${report_of[@]}"
fi

if within 11 "export"; then
    run "$cpu_cmd" export kdse export --run "${exported[@]}" --check "$dumpdir/$check_set"
fi

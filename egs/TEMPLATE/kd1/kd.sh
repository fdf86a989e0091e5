#!/usr/bin/env bash
# The stages of every recipe. A recipe's run.sh calls this from its own folder with its corpus settings and the user's options.
set -euo pipefail

# General
stage=1
stop_stage=10
nj=$(getconf _NPROCESSORS_ONLN)
ngpu=0
num_nodes=1
train_jobs=1
inference_nj=1
expdir=exp
dumpdir=dump
exp_tag=
# What is trained
approaches="standalone_se kd"
seeds="0"
baselines="spectral_subtraction"
omegas="0"
# Configs: files here or below the repository's own folder
asr_config=conf/asr/conformer.yaml
asr_model=
second_asr=
teacher_config=conf/teacher/conformer.yaml
student_config=conf/student/bandcrn-m.yaml
all_config=conf/student/bandcrn-m_warm.yaml
tokens_config=conf/tokens.yaml
mix_config=conf/mix/default.yaml
inference_config=conf/decode/ctc_greedy.yaml
HOME_BACKEND=$(basename "$asr_config" .yaml) # the backend whose rows stand in results/, others' in results/backends/
# Corpus, set by run.sh
corpus=
data_opts= # arguments for kdse data, one a line
sets="dev_noisy test_noisy test_clean"
claim=

help_message() {
    cat <<EOF
Usage: ./run.sh [--option value]...

Stages (--stage first, --stop_stage last):
   1 data     find or make the corpus; write and validate its data dirs
   2 mix      fixed noisy dev and test sets with a manifest; packs for mixing in training
   3 asr      token list and the backend, trained on noisy speech (mct_noisy)
   4 teacher  the SE teacher and standalone_se
   5 tokens   K-means over the backend's latents
   6 train    the approaches asked for, times the seeds
   7 enhance  enhanced dev and test audio
   8 decode   hypotheses of the backend, or of the recogniser that the inference config names
   9 score    score rows in results/, those of another backend than $HOME_BACKEND in results/backends/
  10 report   RESULTS.md, tables, plots and the page
  11 export   (comes with a later version)

Options (with their values now):
  --stage $stage --stop_stage $stop_stage        the stages to run; what is done already is skipped
  --approaches "$approaches" --seeds "$seeds"    what stages 6 to 9 train and test; all: every approach there is
  --baselines "$baselines"    classical front ends, tested beside them; kdse enhance --help names all
  --omegas "$omegas"    observation adding in stages 8 and 9: shares of the noisy signal that are tried
  --nj $nj --ngpu $ngpu --num_nodes $num_nodes    processes of data stages; GPUs a node (0: CPU) and nodes of training
  --train_jobs $train_jobs    trainings that run at once (stages 3 and 4, then 6), each with its share of the cores
  --inference_nj $inference_nj    jobs that the runs of stages 8 and 9 are shared out to; they run at once
  --asr_config $asr_config    the backend; conf/asr has others
  --asr_model "$asr_model"    a trained ESPnet model in its place: an experiment folder, a packed archive, a .pth file
  --second_asr "$second_asr"    another backend of stages 3 and 5, by the name of its config, that teaches beside the first
  --teacher_config $teacher_config
  --student_config $student_config
  --all_config $all_config    the student of --approaches all, which starts from stage 4's
  --tokens_config $tokens_config
  --mix_config $mix_config
  --inference_config $inference_config
  --expdir $expdir --dumpdir $dumpdir    where models and mixed sets go
  --exp_tag "$exp_tag"    added to the names of all runs
  --sets "$sets"    sets that stages 7 to 9 process; test sets only for the runs in selected.yaml, where that file exists
  --corpus $corpus --data_opts "$data_opts"    what stage 1 prepares
  --claim "$claim"    what stage 10 checks: exit code 1 where it does not hold

Where jobs run (this machine, Slurm) is set in cmd.sh, where corpora are in db.sh.
EOF
}
root=../../..
. "$root/utils/log.sh"
. "$root/utils/parse_options.sh"
. "$root/utils/groups.sh"
. "$root/utils/stages.sh"
[ $# -eq 0 ] || die "'$1' is no option; options are --name value, and a value with spaces needs quotes"
[[ $stage =~ ^[0-9]+$ && $stop_stage =~ ^[0-9]+$ ]] || die "--stage and --stop_stage are numbers from 1 to 11"
[ 1 -le "$stage" ] && [ "$stage" -le "$stop_stage" ] && [ "$stop_stage" -le 11 ] ||
    die "stages go from 1 to 11, and --stage $stage --stop_stage $stop_stage names none of them"
[[ "$train_jobs $inference_nj" =~ ^[1-9][0-9]*\ [1-9][0-9]*$ ]] ||
    die "--train_jobs and --inference_nj are numbers from 1, not '$train_jobs' and '$inference_nj'"
[ -n "$corpus" ] || die "--corpus is missing; call a recipe's run.sh, which sets it"
. ./path.sh
. ./cmd.sh
train_cmd="$train_cmd --ngpu $ngpu --num_nodes $num_nodes"

compared_config=$student_config
if [ "$approaches" = all ]; then
    approaches=$(basename -s .yaml -a "$root"/conf/approach/*.yaml | paste -sd ' ')
    compared_config=$all_config
fi
asr_yaml=$(config "$asr_config")
teacher_yaml=$(config "$teacher_config")
student_yaml=$(config "$student_config")
compared_yaml=$(config "$compared_config")
tokens_yaml=$(config "$tokens_config")
mix_yaml=$(config "$mix_config")
inference_yaml=$(config "$inference_config")

tag=${exp_tag:+_$exp_tag} asr=$(basename "$asr_config" .yaml) named=$asr_model
[[ $asr_model != *.pth ]] || named=$(cd "$(dirname "$asr_model")" && pwd) || die "--asr_model $asr_model: there is no such folder"
[ -z "$asr_model" ] || asr=$(basename "$named" | sed -E 's/\.(zip|tar|tgz|tar\.[a-z0-9]+)$//; s/^asr_//; s/[^A-Za-z0-9.-]/-/g')
of=_$asr # in the names of what is made with another backend than the recipe's own
[ "$asr" != "$HOME_BACKEND" ] || of=
[ -z "$asr_model" ] || [ -n "$of" ] || die "--asr_model $asr_model has the name of this recipe's own backend, $asr; rename it"
backend=$expdir/asr_$asr$tag
listener=$(listener_of "$inference_yaml" "$backend") # in stages 8 to 10
heard_by=${listener%"$tag"} heard_by=${heard_by#asr_} results=results other=()
[ "$heard_by$second_asr" = "$HOME_BACKEND" ] || results=results/backends/$heard_by other=(--backend "$heard_by") claim= # a claim is about home
teacher=$expdir/se_teacher_$(basename "$teacher_config" .yaml)$tag
tokens=$expdir/tokens$of$tag
taught=(--backend "$backend" --tokens "$tokens")
if [ -n "$second_asr" ]; then
    [ "$second_asr" != "$asr" ] || die "--second_asr $second_asr is the first recogniser, too; name another"
    of+=_with-$second_asr
    taught+=(--second "$expdir/asr_$second_asr$tag" "$expdir/tokens$([ "$second_asr" = "$HOME_BACKEND" ] || echo "_$second_asr")$tag")
fi
read -ra approach_list <<<"$(unique "$approaches")"
read -ra seed_list <<<"$(unique "$seeds")"
read -ra baseline_list <<<"$(unique "$baselines")"
read -ra omega_list <<<"$(unique "$omegas")"
[[ "${omega_list[*]}" =~ ^(0|0?\.[0-9]+)(\ (0|0?\.[0-9]+))*$ ]] || die "--omegas are shares below 1 with spaces between them, not '$omegas'"
read -ra set_list <<<"$(unique "$sets")"
[[ "${seed_list[*]}" =~ ^[0-9\ ]+$ ]] || die "--seeds are numbers with spaces between them, not '$seeds'"
data_list=() selected=()
[ -z "$data_opts" ] || mapfile -t data_list <<<"$data_opts"
[ ! -f selected.yaml ] || selected=(--selected selected.yaml)
devices=(--ngpu "$ngpu" --num_nodes "$num_nodes")
training=(--corpus "$corpus" --dump "$dumpdir" --mix "$mix_yaml" "${devices[@]}")

# name_of APPROACH SEED YAML: of a run; a front end that learns from no recogniser serves all of them.
name_of() {
    local of=$of
    [ "$1" != standalone_se ] || of=
    echo "$1_$(basename "$3" .yaml)${of}_seed$2$tag"
}

# front_end APPROACH SEED YAML: train a student by an approach; kdse itself knows which approaches there are.
front_end() {
    local file options=() name taught=("${taught[@]}")
    name=$(name_of "$@")
    [ "$1" != standalone_se ] || taught=("${taught[@]:0:4}") # it learns from none, so it takes no second
    for file in "conf/approach/$1.yaml" "$root/conf/approach/$1.yaml"; do
        [ ! -f "$file" ] || { options=(--approach_config "$file") && break; }
    done
    run "$train_cmd" "train_$name" kdse train se --approach "$1" "${options[@]}" --seed "$2" --config "$3" \
        "${taught[@]}" --se_teacher "$teacher" --out "$expdir/$name" "${training[@]}"
}

# Runs that stages 7 to 9 process: no front end, the classical ones, the SE teacher, the students.
without_front_end=mct_noisy_seed0$tag
trained=("$(basename "$teacher")")
front_ends=() # what stage 6 trains; stage 4 has seed 0 of standalone_se
for approach in "${approach_list[@]}"; do
    for seed in "${seed_list[@]}"; do
        [ "$stage" -le 4 ] && [ "$approach $seed $compared_yaml" = "standalone_se 0 $student_yaml" ] ||
            front_ends+=("$approach $seed")
        trained+=("$(name_of "$approach" "$seed" "$compared_yaml")")
    done
done
everything=("$without_front_end" "${baseline_list[@]/%/$tag}" "${trained[@]}")

# shared_out NAME COMMAND...: a command that takes all runs, as --inference_nj jobs of some of the runs.
shared_out() {
    local name=$1 runs=("${everything[@]/#/$expdir/}") count=${#everything[@]} part first=0 size
    shift
    share "$count" "$inference_nj"
    for ((part = 1; part <= at_once; part++, first += size)); do
        size=$(((count - first) / (at_once - part + 1)))
        together run "$cpu_cmd" "$name$([ "$at_once" -eq 1 ] || echo "_$part")" "$@" --run "${runs[@]:first:size}" \
            --omegas "${omega_list[@]}" --sets "${set_list[@]}" "${selected[@]}"
    done
    join
}

if within 1 "data"; then
    run "$cpu_cmd" data kdse data "$corpus" "${data_list[@]}" --out data --nj "$nj"
fi

if within 2 "mix"; then
    run "$cpu_cmd" mix kdse mix --data data --dump "$dumpdir" --sets "$mix_yaml" --nj "$nj"
fi

share $(((stage <= 3) + 2 * (stop_stage >= 4))) "$train_jobs" # stages 3 and 4
if within 3 "asr"; then
    if [ -n "$asr_model" ]; then
        run "$cpu_cmd" adopt kdse adopt --model "$asr_model" --out "$backend" --corpus "$corpus"
    else
        together run "$train_cmd" "train_$(basename "$backend")" kdse train asr --config "$asr_yaml" --data data --out "$backend" "${training[@]}"
    fi
fi

if within 4 "teacher"; then
    together run "$train_cmd" "train_$(basename "$teacher")" kdse train se --approach standalone_se --name se_teacher --config "$teacher_yaml" \
        --out "$teacher" "${training[@]}"
    together front_end standalone_se 0 "$student_yaml"
fi
join # the recogniser of stage 3 and the front ends of stage 4 need nothing of each other

if within 5 "tokens"; then
    run "$cpu_cmd" tokens kdse tokens --backend "$backend" --dump "$dumpdir" --config "$tokens_yaml" --out "$tokens"
fi

if within 6 "train"; then
    share ${#front_ends[@]} "$train_jobs"
    for pair in "${front_ends[@]}"; do
        read -r approach seed <<<"$pair"
        together front_end "$approach" "$seed" "$compared_yaml"
    done
    join
fi

if within 7 "enhance"; then
    enhancing=(--dump "$dumpdir" --sets "${set_list[@]}" "${selected[@]}")
    share $((${#baseline_list[@]} + ${#trained[@]})) "$nj"
    for name in "${baseline_list[@]}"; do
        together run "$cpu_cmd" "enhance_$name" kdse enhance --run "$expdir/$name$tag" --approach "$name" --corpus "$corpus" "${enhancing[@]}"
    done
    for name in "${trained[@]}"; do
        together run "$cpu_cmd" "enhance_$name" kdse enhance --run "$expdir/$name" "${enhancing[@]}"
    done
    join
fi

if within 8 "decode"; then
    shared_out decode kdse decode --backend "$backend" --tokens "$tokens" --corpus "$corpus" --dump "$dumpdir" --config "$inference_yaml"
fi

if within 9 "score"; then
    shared_out score kdse score --backend "$listener" --dump "$dumpdir" --out "$results" --nj $((nj > inference_nj ? nj / inference_nj : 1))
fi

if within 10 "report"; then
    run "$cpu_cmd" report kdse report --recipe . --expdir "$expdir" "${other[@]}" ${claim:+--claim "$claim"}
fi

if within 11 "export"; then
    log "export to ONNX, streaming and cost measurements come with a later version"
fi

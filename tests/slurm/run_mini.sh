#!/usr/bin/env bash
# The whole recipe mini in its smallest size: once through Slurm, where a node is lost in the middle of a training, once on this machine.
# Both must end with the same score rows.  tests/slurm/run_mini.sh FOLDER | tee tests/slurm/mini_through_slurm.log
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: run_mini.sh FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
training=kd_bandcrn-m_seed0
export MINI_SIZE=smallest PYTHONPATH=$root OMP_NUM_THREADS=1 PATH=$root/.venv/bin:$PATH

# checkout NAME: what a recipe needs; its student trains for six epochs, so that there is a middle.
checkout() {
    mkdir "$folder/$1"
    (cd "$root" && git archive HEAD egs conf utils) | tar -x -C "$folder/$1"
    sed -i 's/^max_epoch: .*/max_epoch: 6/' "$folder/$1/egs/mini/kd1/conf/smallest/student/bandcrn-m.yaml"
}

# recipe NAME: all stages; in the log, folders have short names.
recipe() {
    (cd "$folder/$1/egs/mini/kd1" && ./run.sh --nj 2 2>&1) | sed -u "s#$folder#FOLDER#g; s#$root#KDSE#g"
}

# Kills the node on which the training runs, once it has finished an epoch.
killer() {
    until grep -q "epoch 2" "$folder/slurm/egs/mini/kd1/exp/log/train_$training.log" 2>/dev/null; do
        sleep 0.2
    done
    node=$(squeue --noheader --name "train_$training" --format %N)
    "$here/kill_node.sh" "$folder/cluster" "$node"
    echo "==== $node is lost, while it trains $training"
}

checkout slurm
jobs=../../../utils/jobs.sh
printf 'export train_cmd="%s"\nexport cpu_cmd="%s"\n' "$jobs --where slurm --threads 1" "$jobs --where slurm --threads 1" \
    >"$folder/slurm/egs/TEMPLATE/kd1/cmd.sh"
"$here/start.sh" "$folder/cluster"
trap 'kill $(jobs -p) 2>/dev/null || true; "$here/stop.sh" "$folder/cluster"' EXIT # without jobs, kill fails
export SLURM_CONF=$folder/cluster/slurm.conf
echo "==== through $(sinfo --version), commit $(cd "$root" && git rev-parse --short HEAD)"
sinfo --Node --long | sed 1d
killer &
recipe slurm
wait
echo "==== jobs (in the order of their ids; what Slurm still knows)"
scontrol show job --oneliner | sed -E 's/.*JobId=([0-9]+) JobName=([^ ]+) .* JobState=([^ ]+) .* Restarts=([0-9]+) .* NodeList=([^ ]+) .*/\1 \2 \3 restarts=\4 \5/'
sinfo --Node --long | sed 1d

echo "==== on this machine"
checkout local
recipe local

echo "==== score rows"
python3 - "$folder/slurm/egs/mini/kd1/exp/results" "$folder/local/egs/mini/kd1/exp/results" <<'PYTHON'
import gzip, sys
from pathlib import Path

slurm, local = (sorted(Path(folder).glob("*.jsonl.gz")) for folder in sys.argv[1:])
assert local and [path.name for path in slurm] == [path.name for path in local], (slurm, local)
different = 0
for a, b in zip(slurm, local):
    rows, others = (gzip.open(path, "rt", encoding="utf-8").read().splitlines() for path in (a, b))
    unequal = sum(x != y for x, y in zip(rows, others)) + abs(len(rows) - len(others))
    print(f"{a.name}: {len(rows)} rows, {unequal} different")
    different += unequal
sys.exit(1 if different else 0)
PYTHON

#!/usr/bin/env bash
# Where jobs run; to be sourced. utils/jobs.sh says what it can do. On a Slurm cluster, for example:
#   train_cmd="../../../utils/jobs.sh --where slurm --ngpu 1 --threads 4"
#   cpu_cmd="../../../utils/jobs.sh --where slurm --threads 8"

export train_cmd="../../../utils/jobs.sh --where local"
export cpu_cmd="../../../utils/jobs.sh --where local"

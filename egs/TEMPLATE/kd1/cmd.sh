#!/usr/bin/env bash
# Where jobs run; to be sourced. utils/jobs.sh explains its options. An example for Slurm (docs/cluster.md):
#   train_cmd="../../../utils/jobs.sh --where slurm --threads 4 --slurm_opts '--partition=gpu --time=2-0 --mem=16G'"
#   cpu_cmd="../../../utils/jobs.sh --where slurm --threads 8 --slurm_opts '--partition=cpu --mem=16G'"

export train_cmd="../../../utils/jobs.sh --where local"
export cpu_cmd="../../../utils/jobs.sh --where local"

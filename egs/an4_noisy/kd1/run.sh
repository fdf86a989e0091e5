#!/usr/bin/env bash
# an4_noisy: real speech (CMU AN4) mixed with real noises; test noises are unseen in training. db.sh says where the data are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

. ./db.sh

exec ../../TEMPLATE/kd1/kd.sh \
    --corpus an4 \
    --baselines "spectral_subtraction wiener log_mmse oracle_irm" \
    --omegas "0 0.1 0.2 0.3 0.5" \
    --data_opts "$(printf -- '--an4\n%s\n--noise\n%s' "$AN4" "$NOISE")" \
    "$@"

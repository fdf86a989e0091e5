#!/usr/bin/env bash
# an4_noisy: real speech (CMU AN4), mixed with real noises; test noises are unseen. Where the data are is set in db.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

. ./db.sh
if [ -z "$AN4" ] || [ -z "$NOISE" ]; then
    echo "run.sh: set AN4= (the corpus, with etc/ and wav/) and NOISE= (a folder of noises, or a TSV) in $PWD/db.sh" >&2
    exit 2
fi

../../TEMPLATE/kd1/kd.sh \
    --corpus an4 \
    --data_opts "$(printf -- '--an4 %q --noise %q' "$AN4" "$NOISE")" \
    "$@"

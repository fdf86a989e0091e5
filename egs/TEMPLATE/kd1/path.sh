#!/usr/bin/env bash
# The environment of a recipe; to be sourced in its folder. After that, commands that kd.sh prints can be pasted.

_root=$(cd ../../.. && pwd)
if [ -f "$_root/.venv/.done" ]; then
    # shellcheck source=/dev/null
    . "$_root/.venv/bin/activate"
elif ! command -v kdse >/dev/null; then
    echo "path.sh: kdse is not set up; run 'make setup' in $_root" >&2
    unset _root
    return 2
fi

# Without these, glibc returns memory to the system at every update, and training on CPU is up to ten times slower.
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456
# And huge pages (glibc 2.35 and newer): on a machine that is shared, small ones made a student's update up to nine times slower.
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"

# Trainings share these cores (--train_jobs). Processes of --nj take one thread each in any case.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(getconf _NPROCESSORS_ONLN)}"

# Sorting must not depend on the user's language. Text is UTF-8.
export LC_ALL=C PYTHONUTF8=1
unset _root

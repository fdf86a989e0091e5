# make setup | demo | test; `make help` lists the rest. Everything runs in .venv, which `make setup` makes.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
SHELL_FILES = .ci/run $$(find egs tools utils tests -name '*.sh' -type f)

.PHONY: help setup check demo test lint unit format lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 16

setup:  ## make .venv with everything pinned in setup.py (Python 3.11, a C compiler; about 2 minutes)
	@tools/install.sh

check: setup  ## compare .venv with setup.py again and import ESPnet with the plug-in
	@$(BIN)/python tools/check_env.py --deep

demo: setup  ## the whole mini recipe: synthetic speech, training, scores, a small table (about 12 minutes on 2 cores)
	@egs/mini/kd1/run.sh

test: setup lint unit  ## set up, lint Python and shell, run all tests

lint: setup  ## ruff, its formatter, shellcheck and the import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/shellcheck $(SHELL_FILES)
	@$(BIN)/lint-imports

# The allocator is set as in each recipe's path.sh, which says why.
unit: export MALLOC_MMAP_THRESHOLD_ := 4294967296
unit: export MALLOC_TRIM_THRESHOLD_ := 17179869184
unit: export MALLOC_TOP_PAD_ := 268435456
unit: export GLIBC_TUNABLES := glibc.malloc.hugetlb=1
# One thread for each of two processes: most tests are short, and a file's tests stay together because they share what they trained.
# Their order stays as collected: tests/conftest.py puts whole recipes first.
unit: export OMP_NUM_THREADS := 1
unit: setup  ## all tests, doctests included, in two processes
	@$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

format: setup  ## format Python and sort imports
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format .

lock: setup  ## write tools/constraints.txt anew from setup.py
	@( head -n 1 tools/constraints.txt; $(BIN)/uv pip compile setup.py --quiet --all-extras --python-version 3.11 --upgrade \
	    --no-header --no-annotate ) > tools/constraints.part
	@mv tools/constraints.part tools/constraints.txt

clean:  ## remove .venv, caches and what mini made; corpora, models and results of other recipes stay
	@rm -rf .venv build dist *.egg-info .ruff_cache .hypothesis .import_linter_cache .pytest_cache
	@rm -rf egs/mini/kd1/data egs/mini/kd1/dump egs/mini/kd1/exp
	@find kdse tests tools -name __pycache__ -prune -exec rm -rf {} +

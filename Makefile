# The two commands: `make demo` and `make test`. Both install the pinned set into .venv first, once.
PYTHON ?= python3
BIN := .venv/bin
# One more than cores: a worker that waits for the processes that it started leaves no core idle.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(5, 1 + len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()))')

# Modules are compiled once and not anew by each of the many processes, also where the environment says otherwise.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test suite slow lint docs fidelity clean

demo: .venv/installed
	$(BIN)/python examples/demo.py

# Side by side: mypy is one process, beside which the other cores would be idle.
test: .venv/installed
	$(MAKE) --no-print-directory --jobs 2 lint suite

# Each file of tests in one process: a core is not left idle, and what tests of a file share is made once. In their own
# order, the few long tests come before the many short ones, and no core waits for them at the end.
suite: .venv/installed
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

slow: .venv/installed
	$(BIN)/python -m pytest -m slow

# The documentation site, into site/: open site/index.html. Nothing is fetched.
docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# What the site's ledger and its table of rules are made from: written by the tests and by a command, minutes.
fidelity: .venv/installed
	$(BIN)/python -m pytest tests/golden tests/agreement tests/conformance/test_identities.py --fidelity docs/data/fidelity.json
	$(BIN)/spikelearn locality --json > docs/data/locality.json.new && mv docs/data/locality.json.new docs/data/locality.json

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[all,docs,peers,ray,distributed,test]'
	touch $@

clean:
	rm -rf .venv runs demo site

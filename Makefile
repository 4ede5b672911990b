# `make demo` and `make test` are all a newcomer needs; both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
export PYTHONPATH := $(CURDIR)
# Tests start many processes, each of which would compile everything once more where this is set.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test crash crash-matrix soak simulate mutants lint types imports check format lock docs screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(VENV)/.run ## set up and run the demonstration (about a minute, no keys, no network)
	$(BIN)/python run.py demo

# Two jobs for each of two cores: half of a test is waiting. The crash runs are by themselves, since their clocks run fast
# and what a busy machine keeps waiting looks to them like an actor that hangs.
test: JOBS ?= 4
test: $(VENV)/.dev ## set up and run every test
	$(BIN)/python -m pytest tests/crash
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --ignore tests/crash

simulate: RUNS ?= 10000
simulate: $(VENV)/.dev ## run the actors through RUNS seeds of faults (default 10000, about 5 minutes)
	$(BIN)/python -m tests.simulation --runs $(RUNS)

mutants: $(VENV)/.dev ## plant each known bug and see that the suite catches it (about 5 minutes)
	$(BIN)/python -m tests.mutants

crash: RUNS ?= 1000
crash: $(VENV)/.dev ## kill the engine in RUNS random runs between decision and fill (default 1000, about 6 minutes)
	$(BIN)/python -m tests.crash --runs $(RUNS)

crash-matrix: $(VENV)/.dev ## kill the engine at every such point, crossed with every fault (about 7 minutes)
	$(BIN)/python -m tests.crash --matrix

soak: MINUTES ?= 10
soak: $(VENV)/.dev ## let one engine work for MINUTES with 1 % of every fault (default 10)
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

lint: $(VENV)/.dev ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

imports: $(VENV)/.dev ## the layers of docs/architecture.md
	$(BIN)/lint-imports

check: lint types imports test ## everything that must hold before a commit

format: $(VENV)/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## regenerate the diagrams and the lists of settings and metrics in docs/ from the code
	$(BIN)/python -m docs.diagrams
	$(BIN)/python -m docs.settings
	$(BIN)/python -m docs.metrics

screenshots: $(VENV)/.dev ## take the pictures of the console in docs/images anew (needs Chromium)
	$(BIN)/python -m docs.screenshots

lock: ## resolve the locks anew (needs uv)
	uv pip compile pyproject.toml --extra console --universal --python-version 3.11 --generate-hashes --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --quiet -c requirements.lock -o requirements-dev.lock

clean: ## remove what the targets above made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .ripcord

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Ripcord needs Python 3.11 or newer, and {sys.executable} is {v[0]}.{v[1]}: name another one with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# The stamps hold the lock that was installed, so that a changed lock installs again.
$(VENV)/.run: requirements.lock $(VENV)/bin/python
	@echo "Installing into $(VENV) (once) ..."
	$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/bin/python
	@echo "Installing into $(VENV) (once) ..."
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $(VENV)/.run $@

# What does a developer do here? One word for each.
#   make up      run everything in one terminal (a fresh checkout needs only Python >= 3.11)
#   make test    the whole suite on all cores, with real servers; make test ARGS="tests/wire -x" for a part
#   make check   style, types and imports, in seconds
#   make format  mend what the style check can mend by itself
#   make docs    write docs/reference/ from the tables in the code
#   make lock    choose the newest allowed versions again and pin them
#   make test-servers  all of it on each server and deployment that can run here; ARGS="--only cluster"
#   make bench   how fast it is here, lines in turn over five rounds; ARGS="--only drain --rounds 3"
#   make chaos   attack beats, workers, store and database for MINUTES=3, print totals; SEED=n repeats
#   make torture HOURS=8  break it: interleaved failures and fuzzed inputs for hours; prints running totals
#   make audit   are there known holes in what the lock pins? needs the network, and says so where there is none
#   make clean   remove what can be made again (never .onebeat/, which holds data)

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
HOURS ?= 1
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && { echo "$$python"; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: audit bench up test test-servers chaos check format docs lock torture clean

up: $(VENV)/.up
	@exec $(BIN)/onebeat up -c config/onebeat.yaml

test: $(VENV)/.dev
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses auto --dist worksteal)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev
	@$(BIN)/python -m docs.generate

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11, 3.12 or 3.13 with venv found: install one (Debian:" \
		"apt install python3-venv), or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "creating $(VENV) with $(PYTHON)" >&2
	@$(PYTHON) -m venv $(VENV)

# The lock brings setuptools too, so nothing that is not pinned by a hash is ever downloaded.
$(VENV)/.up $(VENV)/.dev: $(VENV)/.%: requirements/%.lock pyproject.toml | $(BIN)/python
	@echo "installing requirements/$*.lock" >&2
	@$(PIP) install --require-hashes -r requirements/$*.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# dev first, up within it: both hold the same versions. --universal: one file for every Python and system.
UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-package onebeat --custom-compile-command "make lock"
lock: | $(BIN)/python
	@$(PIP) install uv
	$(UV_COMPILE) --upgrade --extra dev -o requirements/dev.lock pyproject.toml requirements/build.in
	$(UV_COMPILE) --extra up -c requirements/dev.lock -o requirements/up.lock pyproject.toml requirements/build.in

MINUTES ?= 3
chaos: $(VENV)/.dev
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

test-servers: $(VENV)/.dev
	@$(BIN)/python -m tests.conformance $(ARGS)

bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks $(ARGS)

# Also ends by itself at the first broken invariant, with the shortest history that shows it.
torture: $(VENV)/.dev
	@$(BIN)/python -m tests.scheduler --cases 100000
	@$(BIN)/python -m tests.torture --hours $(HOURS)

# Not part of check: it takes longer than all of it, and a hole that is found tomorrow is in no change of today.
audit: | $(BIN)/python
	@$(PIP) install pip-audit || { echo "audit: NOT done, pip-audit cannot be installed here"; exit 0; }; \
	report=$$($(BIN)/pip-audit --require-hashes --disable-pip -r requirements/dev.lock 2>&1); status=$$?; \
	echo "$$report"; case "$$status $$report" in \
	*"could not be audited"*) echo "audit: NOT done for these, nothing about them can be reached here";; 0*) ;; \
	*"Found "*) exit 1;; *) echo "audit: NOT done, no source of advisories can be reached";; esac

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf $(VENV)
	find onebeat tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

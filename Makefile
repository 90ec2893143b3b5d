# Every target does its own set-up: Python 3.11 or newer and make are all it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
JOBS   ?= 2
FUZZ_EXAMPLES ?= 2000
POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/daybook

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.runtime ## Fill a believable month of four tenants and open everything on PORT (8000)
	$(BIN)/python manage.py demo --port $(PORT)

.PHONY: up
up: $(VENV)/.runtime ## Start everything on PORT (8000), empty
	$(BIN)/python manage.py up --port $(PORT)

.PHONY: test
test: $(VENV)/.dev ## Run the tests
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow"

.PHONY: soak
soak: $(VENV)/.dev ## Run the tests that take minutes
	$(BIN)/python -m pytest -m slow

.PHONY: test-postgres
test-postgres: $(VENV)/.dev ## Run what touches the database on PostgreSQL (POSTGRES_URL)
	DATABASE_URL=$(POSTGRES_URL) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not browser and not slow" tests/billing tests/dashboards tests/metering

.PHONY: check
check: $(VENV)/.dev ## Style, types, import rules, missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy .
	$(BIN)/python manage.py makemigrations --check --dry-run

.PHONY: format
format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/.runtime ## Measure ingestion beside the bare driver and an empty view, in one run
	$(BIN)/python manage.py bench ingest

.PHONY: fuzz
fuzz: $(VENV)/.dev ## Look for input that breaks a decoder or an answer, FUZZ_EXAMPLES (2000) for each
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n $(JOBS) tests/fuzz tests/openapi/test_schemathesis.py

.PHONY: lock
lock: $(VENV)/.dev ## Resolve the dependencies again and write both lock files
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -c requirements.lock -o requirements-dev.lock

.PHONY: clean
clean: ## Remove the virtual environment and every cache (never the data folder)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Daybook needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is written only after a whole installation, so an interrupted one starts again.
$(VENV)/.runtime: requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

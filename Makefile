# Everything lives in .venv; each target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_DATA ?= .cache/demo

.DEFAULT_GOAL := help
.PHONY: help setup demo run check format test test-long bench bench-spread servers servers-stop java chromium clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(READY)  ## install everything into .venv

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fjaril needs Python 3.11 or later: set PYTHON=" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh deploy/local/debian.sh python3-venv
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## replay an invented fortnight through the whole pipeline
	$(BIN)/fjaril --data $(DEMO_DATA) demo

run: $(READY)  ## collect the sources until Ctrl-C
	$(BIN)/fjaril run

check: $(READY)  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-timings 2>/dev/null || $(BIN)/lint-imports

format: $(READY)  ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(READY)  ## every test, fast ones first; those on the real servers need Java, the console's a Chromium
	@$(MAKE) --no-print-directory java || true
	@$(MAKE) --no-print-directory chromium || true
	$(BIN)/pytest -n 2 --no-loadscope-reorder -m "not long"

test-long: $(READY)  ## the tests at their full size; takes hours
	TESTS_LONG=1 $(BIN)/pytest

bench: $(READY)  ## how fast, measured here
	$(BIN)/python -m tests.bench

bench-spread: $(READY)  ## how well spread is found, and how fast; takes an hour
	$(BIN)/python -m tests.bench.spread

servers: java  ## start Kafka and Elasticsearch on loopback, without Docker
	$(PYTHON) deploy/local/servers.py start

servers-stop:  ## stop them, and remove what they stored
	$(PYTHON) deploy/local/servers.py stop

java:
	@command -v mvn >/dev/null || sh deploy/local/debian.sh maven default-jdk-headless

chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || sh deploy/local/debian.sh chromium

clean:  ## remove what was installed and cached
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

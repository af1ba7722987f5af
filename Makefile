PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PIP = $(BIN)/python -m pip install --quiet --constraint constraints.txt
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
EXAMPLE := examples/breast_cancer

.PHONY: help demo test slow oracles mutants torture bench pages format clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

demo: .venv/installed  ## train, cross-validate and predict on a real CSV
	$(BIN)/gmcore train $(EXAMPLE)/run.toml
	@echo
	$(BIN)/gmcore validate $(EXAMPLE)/run.toml
	@echo
	$(BIN)/gmcore predict breast_cancer $(EXAMPLE)/breast_cancer.csv --output runs/predictions.csv
	@echo; head -n 4 runs/predictions.csv

test: .venv/installed  ## run the checks, but those that take long or need other libraries
	@$(BIN)/python -m pytest -n $(WORKERS)

slow: .venv/installed  ## run the tests that take long
	@$(BIN)/python -m pytest -n $(WORKERS) -m slow

oracles: .venv/oracles  ## compare results with those of torch
	@$(BIN)/python -m pytest -n $(WORKERS) -m oracle

mutants: .venv/mutants  ## test the tests: make small wrong changes and see whether they fail; MUTANTS="--count 200 --minutes 300"
	@$(BIN)/python tests/mutation/run.py $(MUTANTS)

torture: .venv/installed  ## kill runs a hundred times, and damage files thousands of times; takes half an hour
	@$(BIN)/python -W error tests/end_to_end/torture.py
	@for script in model_files run_files run_folders checkpoints; do \
		$(BIN)/python -W error tests/fuzz/$$script.py || exit 1; \
	done

bench: .venv/installed  ## compare the speed of gmcore with alternatives, in at most ten minutes
	@$(BIN)/python benchmarks/run.py $(BENCH)

pages: .venv/installed  ## write the generated reference pages
	@$(BIN)/python tests/component_pages.py

format: .venv/installed  ## format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

clean:  ## remove the environment and all generated files
	rm -rf .venv build dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/installed: $(PROJECTS) constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'gmcore needs Python 3.11 or newer: choose one, as in "make test PYTHON=python3.12"' >&2; exit 1; }
	@echo "building .venv, only the first time; this takes a few minutes"
	@$(PYTHON) -m venv .venv
	@$(PIP) --upgrade pip
	@$(PIP) --build-constraint constraints.txt $(PROJECTS:%pyproject.toml=--editable ./%)
	@$(PIP) --group dev
	@touch $@

.venv/oracles .venv/mutants: .venv/installed
	@$(PIP) --group $(@F)
	@touch $@

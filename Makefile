PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PIP = $(BIN)/python -m pip install --quiet --constraint constraints.txt
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
EXAMPLE := examples/breast_cancer

.PHONY: help demo test torture bench format clean
.DEFAULT_GOAL := help

help:  ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

demo: .venv/installed  ## train, cross-validate and predict on a real CSV
	$(BIN)/gmcore train $(EXAMPLE)/run.toml
	@echo
	$(BIN)/gmcore validate $(EXAMPLE)/run.toml
	@echo
	$(BIN)/gmcore predict "$$(ls -d runs/breast_cancer-train-* | tail -n 1)" $(EXAMPLE)/breast_cancer.csv --output runs/predictions.csv
	@echo; head -n 4 runs/predictions.csv

test: .venv/installed  ## run every check there is
	@$(BIN)/python -m pytest -n $(WORKERS)

torture: .venv/installed  ## kill runs at random moments, a hundred times, and compare what they come to
	@$(BIN)/python -W error tests/end_to_end/torture.py

bench: .venv/installed  ## measure gmcore beside what a user would pick instead, in ten minutes at most
	@$(BIN)/python benchmarks/run.py $(BENCH)

format: .venv/installed  ## put the code into shape
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

clean:  ## remove the environment and what was built
	rm -rf .venv build dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/installed: $(PROJECTS) constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'gmcore needs Python 3.11 or newer: say which, as in "make test PYTHON=python3.12"' >&2; exit 1; }
	@echo "building .venv, once; this takes a few minutes"
	@$(PYTHON) -m venv .venv
	@$(PIP) --upgrade pip
	@$(PIP) --build-constraint constraints.txt $(PROJECTS:%pyproject.toml=--editable ./%)
	@$(PIP) --group dev
	@touch $@

# Each target makes its own environment (.venv) on first use. PYTHON chooses the interpreter (3.11+).
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all lint bench reference clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("equalinfo needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,dev,hf]'
	touch $@

demo: .venv/installed  ## the whole pipeline on real text, minutes on 2 cores
	$(BIN)/equalinfo demo --out runs/demo

test: .venv/installed lint
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-all: .venv/installed lint  ## the slow tests too, and those inside other libraries
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,dev,hf,interchange,languages,ray,remote]'
	-$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[fuzz]'  # no wheel for every system
	$(BIN)/pytest -m 'slow or not slow'

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/installed  ## side-by-side measurements, written to results/
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,dev,hf,bench,languages]'
	$(BIN)/python -m benchmarks

# CORPUS: a folder with a list of sources (scripts/reference_sources.py); STEPS trains M1 if there is none.
CORPUS ?= runs/corpus
M1 ?= runs/reference/m1
reference: .venv/installed  ## builds, measures and installs the tokenizers and the M1 that ship
	$(BIN)/python -m scripts.build_reference $(CORPUS) --m1 $(M1) $(if $(STEPS),--steps $(STEPS))

clean:
	rm -rf .venv runs

# Each target makes its own environment (.venv) on first use. PYTHON chooses the interpreter (3.11+).
# Programs run as modules, because the first line of a script cannot hold every path. TESTS chooses tests.
PYTHON ?= python3
RUN := .venv/bin/python -m
PIP := $(RUN) pip install --quiet --constraint constraints.txt --editable
TESTS ?=

.PHONY: demo test test-all lint types duplicates bench docs reference clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("equalinfo needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(PIP) '.[demo,dev,docs,hf]'
	touch $@

demo: .venv/installed  ## the whole pipeline on real text, minutes on 2 cores
	$(RUN) equalinfo demo --out runs/demo

test: .venv/installed lint
	$(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

test-all: .venv/installed lint  ## the slow tests too, and those inside other libraries
	$(PIP) '.[demo,dev,gguf,hf,interchange,languages,ray,remote,runtimes]'
	-$(PIP) '.[fuzz]'  # no wheel for every system
	$(RUN) pytest -m 'slow or not slow' --hypothesis-profile=default

lint: .venv/installed
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(MAKE) --jobs 2 types duplicates

types: .venv/installed
	$(RUN) mypy

duplicates: .venv/installed  ## ten lines that stand twice
	$(RUN) pylint src/equalinfo scripts benchmarks

bench: .venv/installed  ## side-by-side measurements, written to results/
	$(PIP) '.[demo,dev,gguf,hf,bench,languages,runtimes]'
	$(RUN) benchmarks

docs: .venv/installed  ## the site of docs/, in site/; without network; a broken link or anchor stops it
	$(RUN) mkdocs build

# CORPUS: a folder with a list of sources (scripts/reference_sources.py); STEPS trains M1 if there is none.
CORPUS ?= runs/corpus
M1 ?= runs/reference/m1
reference: .venv/installed  ## builds, measures and installs the tokenizers and the M1 that ship
	$(RUN) scripts.build_reference $(CORPUS) --m1 $(M1) $(if $(STEPS),--steps $(STEPS))

clean:
	rm -rf .venv runs site

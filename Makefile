# Everything a person types. `make tag PHOTOS=trip.zip` is enough: it installs, starts and tags.
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(if $(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print(1)' 2>/dev/null),$(p))))
BIN := .venv/bin
SECONDS ?= 60
# Without compiling ahead the first installation takes 21 s instead of 39 s (2 cores); Python compiles what it uses.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

# Tests of processes wait half of their time: three beside each other take two cores (not those of the browser). They
# have real deadlines: what fails is tried once more, one after the other. Each process gets a run of tests, which share
# what they set up, and takes from the others when it is done. Threads of OpenMP wait for each other by spinning: with
# as many as cores in each of three processes, trainings took three times as long as with one.
BESIDE = $(BIN)/python -m pytest --dist worksteal
ALONE = $(BIN)/python -m pytest --last-failed --last-failed-no-failures none

.DEFAULT_GOAL := help
.PHONY: help tag up down status doctor test faults lint fuzz audit bench clean

help:
	@echo "make tag PHOTOS=trip.zip [OUT=folder]   tag a ZIP, a folder or one image"
	@echo "make up, make down, make status         start, stop and look at Shoebox"
	@echo "make doctor                             check each part"
	@echo "make test, make lint                    for developers"
	@echo "make faults [OUT=folder] [SEED=5]       faults by a plan, a quarter of an hour of them"
	@echo "make fuzz [SECONDS=60]                  hostile archives, pictures and forms for so long each"
	@echo "make audit                              known weaknesses of what is installed (asks a service)"
	@echo "make bench PHOTOS=photos.zip            throughput beside a bare loop"
	@echo "make clean                              remove the installation (photos and results stay)"

tag: .venv/.installed
	@test -n "$$PHOTOS" || { echo "say which photos: make tag PHOTOS=trip.zip [OUT=folder]" >&2; exit 2; }
	@$(BIN)/shoebox tag "$$PHOTOS" $${OUT:+--out "$$OUT"}

up: .venv/.installed
	@$(BIN)/shoebox up

down: .venv/.installed
	@$(BIN)/shoebox down

status doctor: .venv/.installed
	@$(BIN)/shoebox $@

test: export OMP_NUM_THREADS = 1
test: .venv/.installed-dev
	@$(BIN)/python tests/support/find_browser.py
	$(BESIDE) -n 2 tests/unit
	$(BESIDE) -n 3 tests/integration tests/faults || $(ALONE) tests/integration tests/faults
	$(BESIDE) -n 2 tests/e2e || $(ALONE) tests/e2e

faults: .venv/.installed-dev
	$(BIN)/python -m pytest tests/faults -s --full $${OUT:+--out "$$OUT"} $${SEED:+--seed "$$SEED"}

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: .venv/.installed-dev
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(INSTALL) -e '.[fuzz]'
	for target in archive picture multipart; do $(BIN)/python tests/fuzz/run.py $$target $(SECONDS) || exit 1; done

audit: .venv/.installed-dev
	@$(INSTALL) 'pip-audit>=2.9'
	@$(BIN)/python tests/support/audit.py

bench: .venv/.installed
	@test -n "$$PHOTOS" || { echo "say which camera photos: make bench PHOTOS=photos.zip" >&2; exit 2; }
	$(BIN)/python -m bench.throughput "$$PHOTOS"

clean:
	@test ! -x $(BIN)/shoebox || $(BIN)/shoebox down
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build *.egg-info

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing Shoebox into .venv (half a minute)"
	@$(INSTALL) -e '.[dashboard]'
	@touch $@

.venv/.installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing Shoebox with its development tools into .venv (torch among them: a few minutes)"
	@$(INSTALL) -e '.[dev]'
	@touch $@ .venv/.installed

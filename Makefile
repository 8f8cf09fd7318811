# make demo   train two language-model families, measure the law, write results/demo/report.html
# make test   the test suite            make check  linter and type checker
# make bench  the speed claims          make test-slow  the studies of minutes
# make lowest  the tests with the lowest versions that pyproject.toml allows; make newest with the newest
# make docs   the documentation, into docs/_build/html
# make pythons  the tests on every Python of this machine, 3.11 and newer
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test test-slow pythons lowest newest check bench docs wheel clean
.DELETE_ON_ERROR:

demo: $(VENV)/.measure
	$(BIN)/rosettalaw demo --out results/demo

# One worker per processor, each with one thread.
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

# EXTRAS= tests the base alone; TESTS=tests/theory some of the tests.
EXTRAS ?= dev,vision
pythons: $(BIN)/python
	$(BIN)/python tests/house/pythons.py --extras '$(EXTRAS)' -- $(TESTS)

# EXTRAS_OF_BOUNDS= for the base alone; TESTS=tests/theory some of the tests.
EXTRAS_OF_BOUNDS ?= arrays,cluster
lowest newest: $(BIN)/python
	$(BIN)/python tests/house/bounds.py --versions $@ --extras '$(EXTRAS_OF_BOUNDS)' -- $(TESTS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

# Warnings are errors; the first build draws every figure, which takes some minutes.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -b html -n -W --keep-going -q docs docs/_build/html
	@echo 'open docs/_build/html/index.html'

# Builds the wheel and imports every subpackage from it, away from the source tree.
wheel: $(VENV)/.dev
	rm -rf build dist
	$(BIN)/python -m build --wheel --outdir dist . > /dev/null
	$(BIN)/python tests/house/import_wheel.py dist

clean:
	rm -rf build dist docs/_build docs/generated *.egg-info .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "RosettaLaw needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.measure: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing RosettaLaw into $(VENV) (about a minute)'
	$(PIP) --editable '.[vision]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing RosettaLaw and its development tools into $(VENV) (about two minutes)'
	$(PIP) --editable '.[dev,vision]'
	@touch $@ $(VENV)/.measure

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing RosettaLaw and what its documentation is built with into $(VENV) (about two minutes)'
	$(PIP) --editable '.[docs]'
	@touch $@

# Two commands are all a newcomer needs: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
.PHONY: demo test test-thorough test-lowest pytest lint format docs bench simulate generators clean

demo: .venv/installed
	$(BIN)/aggregator demo

# The linters run beside the tests, which do not keep every core busy all the time.
test: .venv/installed
	$(MAKE) --jobs=2 lint pytest

# Neither the tests nor the programs that they start are compiled each time, even if the environment asks for that.
pytest: .venv/installed
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -q -n auto --dist worksteal

# The same with all examples and all feeds of the corpus: takes about half an hour.
test-thorough: export AGGREGATOR_TESTS = thorough
test-thorough: test

# The same tests with the lowest version of each dependency that pyproject.toml allows. TESTS names some of them.
test-lowest: .venv-lowest/installed
	.venv-lowest/tests/bin/python -m pytest -q -n auto $(TESTS)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

simulate: .venv/installed
	$(BIN)/python -m benchmarks.simulate

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Makes the marked parts of the reference pages from the code.
docs: .venv/installed
	$(BIN)/python -m tests.reference

# Builds real sites, subscribes with feed readers, and follows the tutorial; says what it needs.
generators: .venv/installed-generators
	$(BIN)/python -m generators --write
	$(BIN)/python -m generators.readers --write
	$(BIN)/python -m generators.tutorial

bench: .venv/installed-bench
	$(BIN)/python -m benchmarks

.venv/installed-bench: .venv/installed
	$(BIN)/python -m pip install --quiet --group bench
	touch $@

.venv/installed-generators: .venv/installed
	$(BIN)/python -m pip install --quiet --group generators
	touch $@

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

# pip cannot choose the lowest versions; uv can, and lives in an environment of its own.
.venv-lowest/installed: pyproject.toml
	$(PYTHON) -m venv .venv-lowest/uv
	.venv-lowest/uv/bin/python -m pip install --quiet uv
	.venv-lowest/uv/bin/uv venv --quiet --clear --python $(PYTHON) .venv-lowest/tests
	.venv-lowest/uv/bin/uv pip install --quiet --python .venv-lowest/tests/bin/python \
		--resolution lowest-direct --editable . --group dev
	touch $@

clean:
	rm -rf .venv .venv-lowest .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# `make run` and `make test` need python3 (3.11 or newer) with venv, and make. Nothing else.
PYTHON ?= python3
PORT ?= 8000
UV ?= uv
BIN := .venv/bin
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url pyproject.toml

.PHONY: run token test chaos check format requirements clean

run: .venv/installed-local  ## everything on this machine: http://127.0.0.1:8000
	@exec $(BIN)/python -m local --port $(PORT)

token: .venv/installed-local  ## an API token for the instance that `make run` started
	@$(BIN)/python -m local.inside $(BIN)/python -m webapp.core.token "$(or $(NAME),command line)"

test: .venv/installed-check check  ## all checks, then all tests, with real servers and a real browser
	$(BIN)/python -m local.chromium
	$(BIN)/python -m local.models base tiny.en
	$(BIN)/python -m pytest

chaos: .venv/installed-check  ## breaks everything for MINUTES (SEED=... the same way again, INTO=... into a page)
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),5) $(SEED:%=--seed %) $(INTO:%=--into %)

check: .venv/installed-check  ## style, types and the rules of who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-check
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

requirements:  ## pins everything anew; `check.txt` has all, the others agree with it
	$(COMPILE) --all-extras --group test --group check --output-file requirements/check.txt
	$(COMPILE) -c requirements/check.txt --all-extras --group test --output-file requirements/test.txt
	$(COMPILE) -c requirements/check.txt --all-extras --output-file requirements/local.txt
	$(COMPILE) -c requirements/check.txt --extra web --output-file requirements/web.txt
	$(COMPILE) -c requirements/check.txt --extra worker --output-file requirements/worker.txt

clean:  ## removes what was installed and built; recordings and texts in .data stay
	rm -rf .venv .data/chromium .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip, not python, since pip is what is missing when venv was cut short or is half installed.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Audiotext needs Python 3.11 or newer. Name one with: make run PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv

# Every dependency is pinned there. Without --no-deps older versions of pip look for newer releases of those that are
# asked for with an extra, and stop since these have no hash.
.venv/installed-%: requirements/%.txt | .venv/bin/pip
	@echo "Installing what Audiotext needs into .venv (once; takes a few minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

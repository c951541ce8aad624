# Everything a person types. `make help` lists it. Needs Python 3.11 to 3.13, pip, make and git; nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Every command starts several Python processes: they share compiled code.
unexport PYTHONDONTWRITEBYTECODE

# Two processes, each with servers of its own; the one that is done first takes over half of what the other has left.
SIDE_BY_SIDE := -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo demo-publish up test test-all test-fast flaky e2e smoke smoke-pythons chaos chaos-short storm \
  storm-short marathon bench accuracy accuracy-short fuzz check \
  format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## caption the bundled recording through the whole system and show the result
	@$(BIN)/archivist demo

demo-publish: $(VENV)/.run ## caption it and publish it to a Cablecast of our own: a page to watch (ARGS=--short)
	@$(BIN)/python -m tests.demo_publish $(ARGS)

up: $(VENV)/.run ## start everything on this machine (MEDIA=folder with recordings)
	@$(BIN)/archivist up $(if $(MEDIA),--media "$(MEDIA)")

test: $(VENV)/.dev ## all checks and tests, on servers of their own
	@$(MAKE) --no-print-directory check
	@$(BIN)/pytest $(SIDE_BY_SIDE)

test-all: $(VENV)/.dev ## the same, and the simulators' own tests though nothing of theirs has changed
	@ARCHIVIST_ALL_TESTS=1 $(MAKE) --no-print-directory test

test-fast: $(VENV)/.dev ## what needs no process but PostgreSQL and Valkey, in under two minutes
	@$(BIN)/pytest $(SIDE_BY_SIDE) -m "(unit or db) and not slow"

flaky: $(VENV)/.dev ## the whole suite several times in a row beside two busy loops (RUNS=5); each failure
	@$(BIN)/python tests/flaky.py --runs $(or $(RUNS),5) -- $(SIDE_BY_SIDE)

e2e: $(VENV)/.dev ## only the end-to-end tests
	@$(BIN)/pytest -m e2e

smoke: ## the main job and the installed wheel on another Python (PYTHON=python3.12)
	@.ci/smoke $(PYTHON)

smoke-pythons: ## the same on each supported Python of this machine but the one that the tests run on
	@.ci/smoke-pythons $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))

chaos: $(VENV)/.dev ## kill, stop, flush and fill everything for twenty minutes; each goal beside its bound
	@$(BIN)/python -m tests.chaos $(ARGS)

chaos-short: $(VENV)/.dev ## the same in under four minutes, as CI runs it
	@$(BIN)/python -m tests.chaos --short $(ARGS)

storm: $(VENV)/.dev ## 300 publications through lost answers, errors, time-outs and kills: each once, in a quarter of an hour
	@$(BIN)/python -m tests.vod.storm $(ARGS)

storm-short: $(VENV)/.dev ## the same in two to three minutes, as CI runs it
	@$(BIN)/python -m tests.vod.storm --short $(ARGS)

marathon: $(VENV)/.dev ## a recording of twelve hours, the transcriber killed three times (HOURS=12)
	@$(BIN)/python -m tests.marathon --hours $(or $(HOURS),12)

bench: $(VENV)/.dev ## caption writers, matching, then transcription beside faster-whisper, in one run
	@$(BIN)/archivist bench captions
	@$(BIN)/archivist bench matching
	@$(BIN)/archivist bench transcribe --quick

accuracy: $(VENV)/.dev ## errors on recordings with references, beside faster-whisper (MODEL=folder SPEECH=folder)
	@$(BIN)/archivist bench accuracy --model "$(MODEL)" --speech "$(SPEECH)" $(ARGS)

accuracy-short: $(VENV)/.dev ## a real model on the recordings of the tests, with bounds (MODEL=folder, or ARCHIVIST_REAL_MODEL)
	@$(if $(MODEL),ARCHIVIST_REAL_MODEL="$(MODEL)") $(BIN)/pytest -rs tests/bench/test_real_model.py

fuzz: $(VENV)/.dev ## random programmes and damaged files through encoder and decoder (SECONDS=60)
	@$(BIN)/python tests/captions/fuzz.py --seconds $(or $(SECONDS),60)

check: $(VENV)/.dev ## ruff, mypy --strict, import contracts, compose file
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@if docker compose version >/dev/null 2>&1; then docker compose --env-file .env.example config -q && echo "compose file: ok"; \
	 else echo "compose file: not checked by docker compose, which is not installed (tests/deploy reads it)"; fi

format: $(VENV)/.dev ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(VENV)/.dev ## make the hash-pinned locks anew from pyproject.toml
	@$(BIN)/python requirements/lock.py

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) $(VENV)-3.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache archivist-demo

# uv where it is present: seconds instead of a minute. Plain pip checks the same hashes.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install -q --python $(BIN)/python --require-hashes -r $(1) && \
	  uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
	  { $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; } && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@
endef

$(VENV)/.run: requirements/embedded.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Archivist needs Python 3.11 to 3.13: make PYTHON=python3.12 …")'
	@echo "Installing into $(VENV) …"
	$(call install,requirements/embedded.txt)

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Archivist needs Python 3.11 to 3.13: make PYTHON=python3.12 …")'
	@echo "Installing into $(VENV) …"
	$(call install,requirements/dev.txt)
	@touch $(VENV)/.run

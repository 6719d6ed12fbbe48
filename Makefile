# Davenport. `make help` lists what can be made.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PORT ?= 8000
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help install run laptop test check bench clean system messages machine

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[oidc,ldap]'
	@touch $@

$(VENV)/.tests-installed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@

install: $(VENV)/.installed ## make .venv and install Davenport into it

run: install ## a hub with demo data on http://127.0.0.1:8000 (PORT=… for another port)
	@test -d var/hub || $(BIN)/davenport init var/hub --demo
	@echo 'Sign in as admin, leader, north, south, support, editor or outsider; password demo'
	@$(BIN)/davenport serve var/hub --port $(PORT)

laptop: install ## a laptop of north (demo data) on http://127.0.0.1:8001, joined to the hub of `make run`
	@echo demo | $(BIN)/davenport join http://127.0.0.1:$(PORT) var/laptop --person north --password-file - || test -f var/laptop/documents.db
	@$(BIN)/davenport serve var/laptop --port 8001

system: ## what tests need beside Python: a browser, fonts, Node with PouchDB and axe
	@.ci/system

test: $(VENV)/.tests-installed system ## everything a fresh machine needs, then all tests, real browser included
	$(BIN)/python -m pytest -n auto

check: $(VENV)/.tests-installed ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.tests-installed system ## speed and memory, as a table with the machine
	@cd bench/pouch && { cmp -s package-lock.json node_modules/.installed-lock || \
		{ npm ci --silent --no-progress && cp package-lock.json node_modules/.installed-lock; }; }
	$(BIN)/python -m bench

messages: install ## collect the texts of the pages into the Chinese file; tells what is not translated
	$(BIN)/python -m app.web.messages

machine: $(VENV)/.tests-installed ## drive a hub and three laptops at random, for about an hour (DAVENPORT_MACHINE_EXAMPLES=2000)
	DAVENPORT_MACHINE_EXAMPLES=$${DAVENPORT_MACHINE_EXAMPLES:-2000} DAVENPORT_MACHINE_STEPS=$${DAVENPORT_MACHINE_STEPS:-60} \
		$(BIN)/python -m pytest -x tests/replication/machine

clean: ## remove the environment and caches (not var/)
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

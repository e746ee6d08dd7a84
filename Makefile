# Everything that one does with Teilhabe. `make` alone lists it.
# Settings: TEILHABE_PORT=8810 (first port), TEILHABE_STATE=folder (data), PYTHON=python3.12, BACKGROUND=1, YES=1.

PYTHON ?= python3
TESTS ?= tests
KAFKA := 127.0.0.1:9092
ENV := .venv/bin/python
TEILHABE := $(ENV) -m shared.cli
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard shared/i18n/catalogues/*.po))
UV = $(shell command -v uv || echo .venv-tools/bin/uv)
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help up down status reset test faults bench fuzz audit lint format requirements screenshots kafka kafka-down clean environment dev-environment

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name what; \
		do printf '  %-20s %s\n' "$$name" "$$what"; done

up: environment $(CATALOGUES) ## start everything here; BACKGROUND=1 leaves the terminal free
	@$(ENV) -m shared.web.assets >.venv/assets.log 2>&1 || { cat .venv/assets.log; exit 1; }
	@$(TEILHABE) up $(if $(BACKGROUND),--background)

down: ## stop what `make up` started; the data stays
	@if [ -x $(ENV) ]; then $(TEILHABE) down; else echo 'Nothing was running.'; fi

status: ## show what runs and how it is
	@if [ -x $(ENV) ]; then $(TEILHABE) status || true; else echo 'Nothing is running.'; fi

reset: environment ## stop, and remove all data after asking; YES=1 does not ask
	@$(TEILHABE) reset $(if $(YES),--yes)

test: lint ## run all tests, or some: make test TESTS=tests/unit
	@bash scripts/install-missing.sh
	@$(ENV) -m shared.web.assets
	@$(ENV) -m pytest --numprocesses 2 --dist loadfile $(TESTS)

faults: dev-environment $(CATALOGUES) ## crash everything at random under load, then check the books: N=100 SEED=7
	@bash scripts/install-missing.sh
	@$(ENV) -m shared.web.assets
	@$(ENV) -m tests.faults $(if $(N),--count $(N)) $(if $(SEED),--seed $(SEED)) $(if $(KINDS),--kinds $(KINDS))

bench: dev-environment $(CATALOGUES) ## measure, print a table and write build/bench.json; ONLY=hot_event,relay
	@bash scripts/install-missing.sh
	@$(ENV) -m shared.web.assets
	@$(ENV) -m benchmarks $(if $(ONLY),--only $(ONLY))

fuzz: dev-environment $(CATALOGUES) ## send 5,000 generated requests to each service's API
	@TEILHABE_CASES=5000 $(ENV) -m pytest -rP --timeout=1500 tests/badinput/http/test_openapi.py

audit: dev-environment ## ask the registries about known vulnerabilities of what is locked
	@$(ENV) scripts/audit.py

lint: dev-environment $(CATALOGUES) ## check code, types, imports, catalogues and migrations
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(ENV) -m shared.i18n check
	@$(ENV) scripts/migrations.py

screenshots: dev-environment ## take the README's pictures from what `make up` runs (needs Chromium)
	@PYTHONPATH=. $(ENV) scripts/screenshots.py

format: dev-environment ## bring the code into its form
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

requirements: dev-environment ## compile requirements/*.in and package.json to lock files anew
	@for set in runtime embedded dev uv; do $(COMPILE) requirements/$$set.in -o requirements/$$set.txt; done
	@npm install --package-lock-only --ignore-scripts --no-audit --no-fund

kafka: environment ## start Apache Kafka here and create the topics (needs Java 17 and Maven)
	@$(ENV) deploy/kafka/kafka.py start
	@$(ENV) -m shared.messaging.topics $(KAFKA)
	@echo 'Use it: make up TEILHABE_KAFKA=$(KAFKA)'

kafka-down: ## stop the Apache Kafka of `make kafka`; its data stays
	@$(PYTHON) deploy/kafka/kafka.py stop

clean: down ## remove what was installed and made; the data in .state stays
	@rm -rf .venv .venv-tools node_modules web-libraries build .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache .hypothesis shared/i18n/catalogues/*.mo

environment: .python
	@$(PYTHON) scripts/environment.py embedded

dev-environment: .python
	@$(PYTHON) scripts/environment.py dev

.PHONY: .python
.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Teilhabe needs Python 3.11 or newer: install it, or name it: make $(MAKECMDGOALS) PYTHON=python3.12'; exit 1; }

$(CATALOGUES) &: $(wildcard shared/i18n/catalogues/*.po) | environment
	@$(ENV) -m shared.i18n compile

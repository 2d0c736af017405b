# Everything a developer needs; `make` alone prints this list.
.DEFAULT_GOAL := help
.PHONY: help run demo check test test-long test-containers bench documents clean

PYTHON := .venv/bin/python
ONCE ?=
PORT ?= 8080
URL ?= http://127.0.0.1:8080

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## set everything up, start everything, play the story, stay up (ONCE=1: end after the story; PORT=0: any port)
	@ops/bootstrap
	@PORT=$(PORT) exec $(PYTHON) -m ops up $(if $(ONCE),--once)

demo: ## play the story against a running development system (URL=http://127.0.0.1:8080)
	@ops/bootstrap --without-servers
	@exec $(PYTHON) -m ops demo --url $(URL)

check: ## format, lint, types, import contracts: under a minute
	@ops/bootstrap --without-servers
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

test: ## all tests on real servers, at reduced counts
	@ops/bootstrap
	@exec ops/test

test-long: ## all tests, at full counts
	@ops/bootstrap
	@CASEWORK_TEST_COUNTS=full exec ops/test

test-containers: ## the containers: healthy, scaled, killed while the story plays; minutes, and needs Docker with compose
	@ops/bootstrap --without-servers
	@exec .venv/bin/pytest tests/containers/rehearsal.py tests/containers/production.py

bench: ## measure on servers of its own (nothing is asserted); about 15 minutes
	@TEST_INFRA=$${TEST_INFRA:-local} ops/bootstrap
	@TEST_INFRA=$${TEST_INFRA:-local} exec $(PYTHON) -m benchmarks

documents: ## write asyncapi.json, openapi.json, schemas and configuration.md from the code
	@ops/bootstrap --without-servers
	@exec $(PYTHON) -m ops documents

clean: ## remove the environment and everything a start has left
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

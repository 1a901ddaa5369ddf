# Start with `make demo` and `make test`. Everything stays in this folder: .venv (packages) and var (data).

PORT         ?= 8080
SANDBOX_PORT ?= 8081
DEVICES      ?= 5000
VAR          ?= var
ARGS         ?=

PY := .venv/bin/python
# --universal: one lock for every platform and Python from 3.11 on. No flag may put the name of a host into a lock.
UV := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
      --no-emit-index-url --no-emit-find-links --no-header

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

.PHONY: help
help: ## Show this list
	@printf 'Usage: make TARGET [NAME=value ...]\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nNames: PYTHON=python3.12 (which Python makes .venv)  PORT=%s  SANDBOX_PORT=%s  DEVICES=%s  ARGS="..." (for pytest)\n' \
	  '$(PORT)' '$(SANDBOX_PORT)' '$(DEVICES)'

.PHONY: demo
demo: .run ## Run the portal and its sandbox here, with sample accounts; Ctrl-C stops both
	@exec $(PY) -m tools.demo --port '$(PORT)' --sandbox-port '$(SANDBOX_PORT)' --devices '$(DEVICES)' --var '$(VAR)'

.PHONY: test
test: .test ## Run all tests (ARGS="-k rename" for some); needs the network only for the first installation
	@$(PY) -m pytest -n auto --dist worksteal $(ARGS)

.PHONY: check
check: .dev ## Check style, types, imports, templates, messages, locks, migrations and docs/operations.md
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command as check; check()'
	$(PY) -m bandit --quiet --recursive --configfile pyproject.toml manage.py portal devices sandbox tools
	$(PY) -m djlint templates --lint --quiet
	$(PY) -m tools.template_lint templates
	$(PY) -m tools.messages --check
	$(PY) -m tools.locks
	.venv/bin/hadolint Dockerfile
	$(PY) -m tools.migrations
	$(PY) -m tests.contract.table --check

.PHONY: lock
lock: .dev ## Update requirements/*.txt from requirements/*.in (ARGS="--upgrade" for newer versions)
	$(UV) $(ARGS) requirements/run.in -o requirements/run.txt
	$(UV) $(ARGS) -c requirements/run.txt requirements/test.in -o requirements/test.txt
	$(UV) $(ARGS) -c requirements/test.txt requirements/dev.in -o requirements/dev.txt
	$(PY) -m tools.locks

.PHONY: messages
messages: .dev ## Update the message catalogs (locale/) from the code; list what is not translated
	@$(PY) -m tools.messages

.PHONY: bench
bench: .dev ## Compare CPU and time of the list page with two baselines; takes minutes, needs a quiet machine
	@$(PY) -m bench.benchmark $(ARGS)
	@$(PY) -m bench.vitals

.PHONY: load-short
load-short: .test ## Run the load and failure tests in a short form
	@$(PY) -m bench.suite short $(ARGS)

.PHONY: load
load: .test ## Run the load and failure tests in full (ARGS="race" for one of them); takes long
	@$(PY) -m bench.suite full $(ARGS)

.PHONY: tour
tour: .test ## Write docs/tour.md and its pictures from a new demo (needs Chromium)
	@$(PY) -m tools.tour

.PHONY: clean
clean: ## Remove .venv, var, staticfiles and the caches
	rm -rf .venv var staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Fast if the lock is installed already: tools/venv.sh compares it with its copy in .venv.
.PHONY: .run .test .dev
.run .test .dev:
	@sh tools/venv.sh $(@:.%=%)

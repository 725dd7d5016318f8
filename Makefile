# `make` lists the targets. On a fresh machine, `make run` and `make test` do all the set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM = $(BIN)/python scripts/npm.py
WEB_SOURCES = $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)

# The longest suites come first. Each suite runs in its own process, files joined by a comma in one: see scripts/suites.py.
comma := ,
empty :=
joined = $(subst $(empty) $(empty),$(comma),$(strip $(1)))
UNCHANGED_SUITE = $(addprefix tests/contract/admission/,test_unchanged_manifests.py test_asked_on_apiserver.py test_gitops_page.py)
DOOR_SUITE = $(addprefix tests/contract/admission/,test_door_on_apiserver.py test_values_on_apiserver.py test_facts_on_apiserver.py test_door_under_load.py test_flux_like_loop.py)
ACTIONS_SUITE = $(addprefix tests/contract/,operations/test_actions_on_apiserver.py operations/test_ownership_on_apiserver.py operations/test_restore_on_apiserver.py)
COMMANDS_SUITE = $(addprefix tests/contract/,cli/test_actions.py cli/test_records.py cli/test_schedules.py workloads/test_git_patches_on_apiserver.py)
SHARED_SUITES = $(UNCHANGED_SUITE) $(DOOR_SUITE) $(ACTIONS_SUITE) $(COMMANDS_SUITE)
JOINED_SUITES = $(call joined,$(UNCHANGED_SUITE)) $(call joined,$(DOOR_SUITE)) $(call joined,$(ACTIONS_SUITE)) $(call joined,$(COMMANDS_SUITE))
LONG_SUITES = tests/contract/chart/test_production_changes.py tests/contract/chart/test_production_install.py tests/contract/schedules/test_schedules.py tests/contract/runtime/test_soak.py
CONTRACT_FILES = $(wildcard tests/contract/*/test_*.py)
CONTRACT_SUITES = $(JOINED_SUITES) $(LONG_SUITES) $(filter-out $(SHARED_SUITES) $(LONG_SUITES),$(CONTRACT_FILES))
SUITES = tests/browser $(firstword $(JOINED_SUITES)) tests/unit $(filter-out $(firstword $(JOINED_SUITES)),$(CONTRACT_SUITES))
JOBS ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run

run: $(VENV)/.installed web-if-node ## run all parts in one process on http://127.0.0.1:8080; sample data unless KUBEDOOR_PROMETHEUS_URL is set
	@$(BIN)/python -m kubedoor serve

sandbox: $(VENV)/.installed toolbox web-if-node ## run a real control plane, a real Prometheus with 30 days of data, and KubeDoor with control on
	@$(BIN)/python -m tests.toolbox.sandbox

##@ Check

test: $(VENV)/.installed toolbox browser-parts web ## run all tests, against real parts, with coverage
	$(NPM) --prefix web run test
	$(BIN)/coverage erase
	$(BIN)/python scripts/suites.py --jobs $(JOBS) $(SUITES)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='kubedoor/admission/rules.py,kubedoor/admission/resources.py,kubedoor/admission/decision.py,kubedoor/admission/review.py,kubedoor/sizing/*.py,kubedoor/quantities.py,kubedoor/admission/restarts.py,kubedoor/admission/asked.py,kubedoor/admission/due.py,kubedoor/admission/work.py,kubedoor/admission/json_patch.py,kubedoor/asked.py'

unit: $(VENV)/.installed ## run the tests that need no real parts
	$(BIN)/pytest tests/unit

contract: $(VENV)/.installed toolbox ## run the tests against a real API server, Prometheus and ClickHouse SQL
	$(BIN)/python scripts/suites.py --jobs $(JOBS) $(CONTRACT_SUITES)

browser: $(VENV)/.installed toolbox browser-parts web ## run the end-to-end tests in a real browser
	$(BIN)/pytest tests/browser

lint: $(VENV)/.installed web/node_modules/.installed ## run ruff, mypy, import-linter, eslint, vue-tsc and, where it can be, the audit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.import_circles
	$(BIN)/python web/scripts/openapi.py --check
	$(NPM) --prefix web run lint
	$(BIN)/python -m scripts.audit --if-reachable

audit: $(VENV)/.installed ## look for known vulnerabilities of every package, with pip-audit and npm audit
	$(BIN)/python -m scripts.audit

bench: $(VENV)/.installed bench-parts toolbox browser-parts web ## measure speed and memory against their budgets, in 25 idle minutes
	$(BIN)/python -m tests.bench

bench-quick: $(VENV)/.installed bench-parts ## measure the door alone, in two minutes
	$(BIN)/python -m tests.bench --quick

soak: $(VENV)/.installed ## let the door answer for ten minutes while values, certificates and the store change
	$(BIN)/python -m tests.soak

screenshots: $(VENV)/.installed browser-parts web ## take screenshots of every page in both languages and themes, into screenshots/
	$(BIN)/python -m tests.browser.screenshots

##@ Parts

venv: $(VENV)/.installed ## create the virtual environment from requirements.lock

toolbox: ## build Kubernetes and Prometheus once, into the user's cache
	@$(PYTHON) tests/toolbox/build.py >/dev/null || $(PYTHON) tests/toolbox/build.py

web: web/dist/index.html ## build the web UI

web-if-node: $(VENV)/.installed
	@if $(BIN)/python scripts/npm.py --is-there; then $(MAKE) --no-print-directory web; else echo "no Node.js: the web UI is not built; the API works without it"; fi

browser-parts: ## install Chromium and fonts
	@sh scripts/chromium.sh

bench-parts: ## install wrk
	@sh scripts/wrk.sh

base-images: $(VENV)/.installed ## pin the base images of functions/Dockerfile by the digests that their tags have now
	$(BIN)/python -m scripts.base_images

sbom: $(VENV)/.installed ## write build/sbom.json: every package of the image and of the web UI, as CycloneDX
	$(BIN)/python -m scripts.sbom build/sbom.json

image: ## build the container image with docker, podman or buildah
	@for tool in docker podman buildah; do command -v $$tool >/dev/null 2>&1 && exec $$tool build -f functions/Dockerfile -t kubedoor:0.1.0 .; done; echo "no image: install docker, podman or buildah"; exit 1

LOCK = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --quiet

lock: ## renew the lock files after a change of pyproject.toml: of everything, of the image, of what builds its wheel
	$(LOCK) pyproject.toml --all-extras --output-file requirements.lock
	$(LOCK) pyproject.toml --constraint requirements.lock --output-file requirements.image.lock
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' | $(LOCK) - --output-file requirements.build.lock

settings-doc: $(VENV)/.installed ## renew the parts of docs/ that are generated from the code: settings and API
	$(BIN)/python -m scripts.documents

clean: ## remove build results; keep data and the cache of the toolbox
	rm -rf $(VENV) web/node_modules web/dist build .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.*

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "KubeDoor needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "no venv module: install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

web/node_modules/.installed: web/package-lock.json $(VENV)/.installed
	$(NPM) --prefix web ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	$(NPM) --prefix web run build
	@touch $@

.PHONY: help run sandbox test unit contract browser lint bench bench-quick bench-parts soak screenshots venv toolbox web web-if-node browser-parts audit base-images sbom image lock settings-doc clean

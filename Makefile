# Commands for developers and CI. `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
LOCKS := infra/requirements
READY := $(VENV)/.ready
# Deploying needs a tenth of what developing needs, so it has an environment of its own.
DEPLOY_VENV := .venv-deploy
DEPLOY_READY := $(DEPLOY_VENV)/.ready
DEPLOY := $(DEPLOY_VENV)/bin/python -m infra.deploy

# uv reads the system's certificates, such as that of a proxy, only with this setting; pip reads them by default.
export UV_SYSTEM_CERTS ?= true

# Tests and the local cloud start hundreds of processes, each of which would compile its imports again.
unexport PYTHONDONTWRITEBYTECODE

# Prefer the version in .python-version, then any from 3.11 on. Each is run, because a version manager's shim may not work.
PYTHON ?= $(shell for candidate in python$$(cat .python-version) python3.13 python3.14 python3.12 python3.11 python3 python; do \
	if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo "$$candidate"; break; fi; done)

.PHONY: help demo local local-stop local-env test check format openapi openapi-diff snapshot layout lock vendor screenshots clean bench soak stress report audit train compare synth deploy diff outputs destroy

help: ## list the commands
	@awk -F ' ## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.* ## / {sub(/:.*/, "", $$1); printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): $(LOCKS)/dev.txt pyproject.toml shared/client/pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "No Python 3.11 or newer (with venv) was found on the path. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCKS)/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes $(LOCKS)/dev.txt $(LOCKS)/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable shared/client
	@touch $@

$(DEPLOY_READY): $(LOCKS)/deploy.txt
	@if [ -z "$(PYTHON)" ]; then echo "No Python 3.11 or newer (with venv) was found on the path. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@"$(PYTHON)" -m venv --clear $(DEPLOY_VENV)
	@$(DEPLOY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCKS)/deploy.txt
	@touch $@

##@ Use

demo: $(READY) ## run the main job on the local cloud and show its results (FILES="a.csv b.xlsx" for your own files)
	@$(BIN)/python -m infra.local.demo $(FILES)

local: $(READY) ## start the local cloud and run it in the foreground (DETACH=1 for the background)
	@$(BIN)/python -m infra.local.daemon $(if $(DETACH),--detach)

local-stop: ## stop a local cloud in the background
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m infra.local.daemon --stop; fi

local-env: $(READY) ## print API and TOKEN of the running local cloud, for a shell: eval "$(make -s local-env)"
	@$(BIN)/python -m infra.local.daemon --env

##@ Develop

test: $(READY) ## run the test suite (ARGS="tests/unit/api -k cursor" for a part of it)
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

check: $(READY) ## check format, lint, types, import rules, secrets and openapi.json
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -qq tests/infra/test_secrets.py
	@$(BIN)/python -m functions.api.openapi_file --check openapi.json

format: $(READY) ## format the code and fix lint
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

openapi: $(READY) ## rewrite openapi.json from the code
	@$(BIN)/python -m functions.api.openapi_file openapi.json

openapi-diff: $(READY) ## compare openapi.json with another version: OLD=path
	@$(BIN)/python -m tests.tools.compare_openapi $(OLD) openapi.json

snapshot: $(READY) ## rewrite the template snapshots that tests compare with
	@$(BIN)/python -m tests.infra.snapshots

layout: $(READY) ## print the figures of the code's structure and check its limits (ARGS=-v for places)
	@$(BIN)/python -m tests.tools.layout $(ARGS)

lock: $(READY) ## update all dependency lists
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade $(LOCKS)/dev.in -o $(LOCKS)/dev.txt
	@for list in $(filter-out $(LOCKS)/dev.in,$(wildcard $(LOCKS)/*.in)); do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c $(LOCKS)/dev.txt $$list -o $${list%.in}.txt; done

vendor: $(READY) ## copy the console's libraries from npm, as pinned in infra/npm/console
	@$(BIN)/python -m infra.npm.vendor

screenshots: $(READY) ## rewrite the screenshots of the README, with a local cloud of their own
	@$(BIN)/python -m tests.e2e.screenshots

clean: ## delete the files that these commands create
	@rm -rf $(VENV) $(DEPLOY_VENV) cdk.out .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info shared/client/*.egg-info shared/client/build

##@ Measure

bench: $(READY) ## measure time and memory against baselines (ARGS="scoring --json bench.json" for one, BASE=../other for another checkout)
	@$(BIN)/python -m tests.tools.benchmarks$(if $(BASE),.compare_checkouts $(BASE)) $(ARGS)

soak: $(READY) ## run the long tests: single faults and pairs of faults, long job lives, removed permissions (ARGS="-k pair")
	@$(BIN)/python -m pytest -n auto --dist loadgroup -o python_files='soak_*.py' tests $(ARGS)

stress: $(READY) ## run 500 uploads, 200 dropped files and a million rows on the local cloud, and print its memory (ARGS="--jobs 50")
	@$(BIN)/python -m tests.tools.stress $(ARGS)

report: $(READY) ## write the hazard report (hazard, tests, result) to build/report.md
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m hazard --hypothesis-seed=1 \
		-p tests.tools.hazards.report --hazard-report build/report.md

##@ Release

audit: $(READY) ## write the SBOM to build/sbom.json and check its packages for known vulnerabilities
	@$(BIN)/python -m infra.sbom build/sbom.json
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off $(foreach list,$(filter-out $(LOCKS)/dev.txt $(LOCKS)/uv.txt,$(wildcard $(LOCKS)/*.txt)),-r $(list))

train: $(READY) ## train the models: DATA=us_bankruptcy_1999_2018.csv.gz, or your own data (ARGS="--out my-models --name …")
	@$(BIN)/python -m shared.training $(DATA) $(ARGS)

compare: $(READY) ## compare a model with the one that scored a job: RESULTS=successful.csv MODEL=my-models
	@$(BIN)/python -m shared.training.compare $(RESULTS) $(MODEL)

synth: $(READY) ## write the CloudFormation template to cdk.out
	@$(BIN)/python -m infra.app

deploy: $(DEPLOY_READY) ## deploy to the AWS account of your credentials (STAGE=dev CONTEXT="kms=true alarm_email=…")
	@$(DEPLOY) deploy --stage $(or $(STAGE),dev) $(if $(CONFIRM),--confirm $(CONFIRM)) $(CONTEXT)

diff: $(DEPLOY_READY) ## show what a deployment would change (STAGE=dev CONTEXT="…")
	@$(DEPLOY) diff --stage $(or $(STAGE),dev) $(CONTEXT)

outputs: $(DEPLOY_READY) ## print the outputs and settings of a deployment (STAGE=dev)
	@$(DEPLOY) outputs --stage $(or $(STAGE),dev) $(CONTEXT)

destroy: $(DEPLOY_READY) ## delete a deployment (STAGE=dev CONTEXT="kms=true alarm_email=…")
	@$(DEPLOY) destroy --stage $(or $(STAGE),dev) $(CONTEXT)

# Every command a developer or CI runs. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
LOCKS := infra/requirements
READY := $(VENV)/.ready

# Behind a company's proxy its certificate is in the system's store, where pip looks by itself and uv only when told.
export UV_SYSTEM_CERTS ?= true

# The tests and the local cloud start hundreds of processes, and each would compile anew whatever it imports.
unexport PYTHONDONTWRITEBYTECODE

# The version in .python-version first, then anything from 3.11 on. A version manager's shim may be on the path and not work, so each is run.
PYTHON ?= $(shell for candidate in python$$(cat .python-version) python3.13 python3.14 python3.12 python3.11 python3 python; do \
	if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo "$$candidate"; break; fi; done)

.PHONY: help demo local local-stop local-env test soak stress report audit check format synth snapshot train compare bench lock vendor screenshots openapi openapi-diff layout deploy destroy clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): $(LOCKS)/dev.txt pyproject.toml shared/client/pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "No Python 3.11 or newer (with venv) was found on the path. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCKS)/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes $(LOCKS)/dev.txt $(LOCKS)/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable shared/client
	@touch $@

demo: $(READY) ## run the main job on the local cloud and print what happened (FILES="a.csv b.xlsx" to use your own)
	@$(BIN)/python -m infra.local.demo $(FILES)

local: $(READY) ## start the local cloud and keep it up (DETACH=1 to return when it is ready)
	@$(BIN)/python -m infra.local.daemon $(if $(DETACH),--detach)

local-stop: ## stop a detached local cloud
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m infra.local.daemon --stop; fi

local-env: $(READY) ## print API and TOKEN of the running local cloud: eval "$$(make -s local-env)"
	@$(BIN)/python -m infra.local.daemon --env

test: $(READY) ## run the whole test suite
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

soak: $(READY) ## run the long tests: every fault alone, pairs of faults, long lives, every statement of every role (ARGS="-k pair")
	@$(BIN)/python -m pytest -n auto --dist loadgroup -o python_files='soak_*.py' tests $(ARGS)

stress: $(READY) ## 500 uploads, 200 dropped files and a million rows on the local cloud, with the memory it took (ARGS="--jobs 50")
	@$(BIN)/python -m tests.tools.stress $(ARGS)

report: $(READY) ## write the hazard report (hazard, tests, result) to build/report.md
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m hazard --hypothesis-seed=1 \
		-p tests.tools.hazards.report --hazard-report build/report.md

audit: $(READY) ## write the SBOM to build/sbom.json and check its packages for known vulnerabilities
	@$(BIN)/python -m infra.sbom build/sbom.json
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off $(foreach list,$(filter-out $(LOCKS)/dev.txt $(LOCKS)/uv.txt,$(wildcard $(LOCKS)/*.txt)),-r $(list))

check: $(READY) ## formatting, lint, types, import rules, secrets, OpenAPI drift
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -qq tests/infra/test_secrets.py
	@$(BIN)/python -m functions.api.openapi_file --check openapi.json

format: $(READY) ## rewrite the code in the project's format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

synth: $(READY) ## write the CloudFormation template to cdk.out
	@$(BIN)/python -m infra.app

snapshot: $(READY) ## write the templates that tests compare with anew, to be read in review
	@$(BIN)/python -m tests.infra.snapshots

train: $(READY) ## train the models: DATA=us_bankruptcy_1999_2018.csv.gz, or own data (ARGS="--out my-models --name …")
	@$(BIN)/python -m shared.training $(DATA) $(ARGS)

compare: $(READY) ## compare a model with the one that scored a job: RESULTS=successful.csv MODEL=my-models
	@$(BIN)/python -m shared.training.compare $(RESULTS) $(MODEL)

bench: $(READY) ## measure speed and memory against baselines in the same run (ARGS="scoring --json bench.json" for one, BASE=../other to compare with another checkout)
	@$(BIN)/python -m tests.tools.benchmarks$(if $(BASE),.compare_checkouts $(BASE)) $(ARGS)

openapi: $(READY) ## rewrite openapi.json from the code
	@$(BIN)/python -m functions.api.openapi_file openapi.json

openapi-diff: $(READY) ## compare openapi.json with another one: OLD=path
	@$(BIN)/python -m tests.tools.compare_openapi $(OLD) openapi.json

layout: $(READY) ## print the figures of the code's layout and check its gates (ARGS=-v for places)
	@$(BIN)/python -m tests.tools.layout $(ARGS)

lock: $(READY) ## resolve every dependency list again
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade $(LOCKS)/dev.in -o $(LOCKS)/dev.txt
	@for list in $(filter-out $(LOCKS)/dev.in,$(wildcard $(LOCKS)/*.in)); do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c $(LOCKS)/dev.txt $$list -o $${list%.in}.txt; done

vendor: $(READY) ## copy what the console is built on from npm's registry, as pinned in infra/npm/console
	@$(BIN)/python -m infra.npm.vendor

screenshots: $(READY) ## picture the console and record the command line on a local cloud of their own, for the README
	@$(BIN)/python -m tests.e2e.screenshots

deploy: $(READY) ## deploy to the AWS account of your credentials (STAGE=dev, CONTEXT="kms=true alarm_email=…")
	@$(BIN)/python -m infra.deploy deploy --stage $(or $(STAGE),dev) $(CONTEXT)

destroy: $(READY) ## remove a deployment (STAGE=dev, CONTEXT="kms=true alarm_email=…")
	@$(BIN)/python -m infra.deploy destroy --stage $(or $(STAGE),dev) $(CONTEXT)

clean: ## remove what the commands made
	@rm -rf $(VENV) cdk.out .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info shared/client/*.egg-info shared/client/build

# Kedge: two commands do everything on a fresh machine with Python 3.11 or later: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/uv/bin/uv
UV_VERSION := 0.13.8
CLUSTER := PYTHONPATH=hack $(BIN)/python -m cluster
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

.DEFAULT_GOAL := help
.PHONY: help demo test test-cluster s3-server cluster-packages cluster-tools cluster-up cluster-down cluster-status images walk plane-up plane-down check fuzz lint types layers generate verify docs oracle sbom audit format bench bench-peer locks clean

help: ## Show what there is to make.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("Kedge needs Python 3.11 or later; call make PYTHON=/path/to/python") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(PYTHON) -m venv $(VENV)/uv
	$(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

$(VENV)/.dev: $(UV) requirements/dev.txt pyproject.toml
	$(UV) pip sync --quiet --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --no-deps --editable .
	@touch $@ $(VENV)/.demo

$(VENV)/.demo: $(UV) requirements/demo.txt pyproject.toml
	$(UV) pip install --quiet --require-hashes -r requirements/demo.txt
	$(UV) pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev requirements/fuzz.txt
	$(UV) pip install --quiet --require-hashes -r requirements/fuzz.txt
	@touch $@

demo: $(VENV)/.demo ## Run the Pokémon ETL as three jobs and draw them on one page.
	$(BIN)/python examples/pokemon/demo.py

test: $(VENV)/.dev ## Run all checks and tests.
	$(MAKE) --no-print-directory lint types layers verify
	$(CLUSTER) run -- $(BIN)/python -m pytest -n 2 --dist loadgroup

check: test ## The same as test.

test-cluster: $(VENV)/.dev ## Run all tests; a tier that this machine can't serve is an error.
	KEDGE_REQUIRE=s3,charts,plane,images,cluster $(CLUSTER) run -- $(BIN)/python -m pytest -n 2 --dist loadgroup

s3-server: $(VENV)/.dev ## Build the S3 server that some tests need (needs Go; once a machine).
	$(CLUSTER) tools versitygw

cluster-tools: $(VENV)/.dev ## Build what the test cluster is made of (needs Go; 15 minutes once a machine).
	$(CLUSTER) tools etcd kubernetes coredns kube-router kwok versitygw helm kind prometheus-operator

cluster-packages: $(VENV)/.dev ## Install what a cluster without Docker needs of Debian's packages (as root).
	@$(CLUSTER) packages

cluster-up: $(VENV)/.dev ## Start the test cluster: kind where Docker is, namespaces of this machine elsewhere.
	@$(CLUSTER) up

cluster-down: $(VENV)/.dev ## Stop it.
	@$(CLUSTER) down

cluster-status: $(VENV)/.dev ## Say how it is.
	@$(CLUSTER) status

images: $(VENV)/.dev ## Build the images that have changed, and load them into the test cluster if it runs.
	@$(CLUSTER) images

walk: $(VENV)/.dev ## Do what docs/kubernetes.md says, from a cluster that is made to one that is gone.
	$(BIN)/python hack/walk.py docs/kubernetes.md

plane-up: $(VENV)/.dev ## Start a control plane alone, on free ports of loopback; NODES=1000 adds fake nodes.
	@$(CLUSTER) plane-up --nodes $(or $(NODES),0)

plane-down: $(VENV)/.dev ## Stop all of these.
	@$(CLUSTER) plane-down

fuzz: $(VENV)/.fuzz ## Fuzz what reads data of others, each part for FOR=120 seconds, or TARGET=fuzz_yaml alone.
	set -e; for target in $(or $(TARGET),$(sort $(notdir $(basename $(wildcard tests/fuzz/fuzz_*.py))))); do \
	  echo "$$target"; $(BIN)/python tests/fuzz $$target -max_total_time=$(or $(FOR),120) -print_final_stats=1; done

lint: $(VENV)/.dev ## Check style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types.
	$(BIN)/mypy

layers: $(VENV)/.dev ## Check that the layers import downwards only.
	$(BIN)/lint-imports

generate: $(VENV)/.dev ## Write the manifests that are made from Python.
	@PYTHONPATH=hack $(BIN)/python -m manifests

verify: $(VENV)/.dev ## Check that the manifests are what the code says.
	@PYTHONPATH=hack $(BIN)/python -m manifests --check

docs: $(VENV)/.dev ## Build the pages, the reference of the API included, into docs/_build.
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env --write-all -b html docs docs/_build

oracle: .venv-peer/.done ## Compare the recorded observations with what the real Dagster does.
	.venv-peer/bin/python hack/record_oracle.py --check

format: $(VENV)/.dev ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv-peer/.done: $(UV) requirements/peer.txt
	$(PYTHON) -m venv .venv-peer
	VIRTUAL_ENV=$(CURDIR)/.venv-peer $(UV) pip sync --quiet --require-hashes requirements/peer.txt
	@touch $@

.venv-supply/.done: $(UV) requirements/supply.txt
	$(PYTHON) -m venv .venv-supply
	VIRTUAL_ENV=$(CURDIR)/.venv-supply $(UV) pip sync --quiet --require-hashes requirements/supply.txt
	@touch $@

sbom: .venv-supply/.done ## List what the images consist of: dist/sbom.
	@$(BIN)/python hack/supply.py sbom

audit: .venv-supply/.done ## Ask whether any of it is known to be vulnerable, where a database can be reached.
	@$(BIN)/python hack/supply.py audit

bench-peer: .venv-peer/.done ## Install the peer that the benchmarks compare with.

bench: $(VENV)/.dev .venv-peer/.done ## Run the benchmarks (10 minutes; nothing else should run).
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/core.py
	$(BIN)/python bench/inprocess.py --peer-python .venv-peer/bin/python
	$(BIN)/python bench/processes.py --peer-python .venv-peer/bin/python
	$(BIN)/python bench/values.py

locks: $(UV) ## Resolve the locked requirements anew.
	set -e; for set in "dev:pyproject.toml --group dev --extra cli --extra examples --extra operator" "demo:pyproject.toml --extra cli --extra examples" \
	    "peer:pyproject.toml --group peer" "build:--group build" "fuzz:--group fuzz" "supply:--group supply" \
	    "runtime:pyproject.toml -c requirements/dev.txt" "examples:pyproject.toml --extra examples -c requirements/dev.txt" \
	    "operator:pyproject.toml --extra operator -c requirements/dev.txt"; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --upgrade $${set#*:} -o requirements/$${set%%:*}.txt; done

clean: ## Remove what make has installed and what runs have left.
	rm -rf $(VENV) .venv-peer .venv-supply docs/_build .kedge .pytest_cache .mypy_cache .ruff_cache .hypothesis .fuzz

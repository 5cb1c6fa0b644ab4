# QHub on one machine and its checks. `make help` lists the targets.
#
# PYTHON  Python to make the environment from (default: the first suitable one)
# VENV    folder of the environment
# VALUES  values file for `make up`
# PORT    port for `make up`
# STATE   state folder for `make up`
# TESTS   what `make test` runs
# JOBS    processes that `make test` runs tests in (default: three, as many of them wait; 0: one after the other in this one)

PYTHON ?=
VENV := $(or $(VENV),$(shell scripts/venv-folder))
PORT ?= 8000
TESTS ?= tests
JOBS ?= 3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := $(shell find qhub_hub jupyterhub_config.d helm -type f -not -name '*.pyc')
# Beside the sources the environment follows them; elsewhere it holds a copy.
EDITABLE := $(if $(filter $(CURDIR)/.venv,$(VENV)),-e,)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: up
up: $(VENV)/.local ## run QHub on this machine
	@$(BIN)/qhub up --port $(PORT) $(if $(VALUES),-f $(VALUES)) $(if $(STATE),--state $(STATE))

.PHONY: test
test: lint $(VENV)/.test ## every check that needs no cluster
	@scripts/system-packages
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder $(TESTS)

.PHONY: e2e
e2e: $(VENV)/.test ## build the images and test on the cluster of the current kubectl context
	@scripts/system-packages
	@PYTHON=$(BIN)/python scripts/e2e $(if $(filter-out tests,$(TESTS)),$(TESTS))

.PHONY: lint
lint: $(VENV)/.test ## style, types, and the arrows between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

.PHONY: format
format: $(VENV)/.test ## put the code into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: generate
generate: $(VENV)/.test ## write the schema and the reference pages anew
	$(BIN)/python -m qhub_hub.config.generate

.PHONY: screenshots
screenshots: $(VENV)/.test ## take the pictures in docs/screenshots anew
	@scripts/system-packages
	QHUB_SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest -q tests/browser/test_two_people.py

.PHONY: bench
bench: $(VENV)/.test ## measure, each figure as a ratio against a rival in the same run
	@for file in bench/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

.PHONY: bench-cluster
bench-cluster: $(VENV)/.test ## measure a release on the cluster of the current kubectl context against stock JupyterHub
	$(BIN)/python bench/cluster/measure.py

.PHONY: images
images: ## build the images hub, lab, conda-store and proxy with podman or docker
	@scripts/images

.PHONY: wheel
wheel: $(VENV)/.test ## build the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist .

.PHONY: lock
lock: ## resolve constraints.txt anew
	rm -rf build/lock
	$$(scripts/python $(PYTHON)) -m venv build/lock
	build/lock/bin/pip install --quiet --upgrade '.[test,lint,hub,lab]' build hatchling
	{ sed -n '/^#/p' constraints.txt; build/lock/bin/pip freeze --all --exclude qhub-hub --exclude setuptools --exclude wheel; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

$(VENV)/.python:
	@echo "Making the environment $(VENV) …"
	@mkdir -p $(VENV)
	@python=$$(scripts/python $(PYTHON)) && $$python -m venv --clear $(VENV)
	@touch $@

$(VENV)/.local: $(VENV)/.python pyproject.toml constraints.txt $(if $(EDITABLE),,$(SOURCES))
	@echo "Installing QHub (a minute or two the first time) …"
	@$(if $(EDITABLE),,$(PIP) install --quiet --force-reinstall --no-deps .)
	@$(PIP) install --quiet -c constraints.txt $(EDITABLE) '.[local]'
	@touch $@

$(VENV)/.test: $(VENV)/.local
	@echo "Installing what the tests need …"
	@$(PIP) install --quiet -c constraints.txt $(EDITABLE) '.[test,lint]' build
	@touch $@

# make demo: the whole loop on this machine's CPU.  make test: the whole suite.
# Everything is installed into $(VENV), from the exact versions in constraints.txt.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo install dev test check format clean
.DEFAULT_GOAL := demo

demo: install
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/two-minutes/walk.sh

install: $(VENV)/installed

dev: $(VENV)/installed-dev

# A worker keeps what neighbouring tests share and takes over from the other at the end. Tests start
# hundreds of processes: none should compile our modules anew, wherever bytecode is not wanted.
test: dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m techspec.lint.pages --check
	$(BIN)/python -m mcp_server.generated --check

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .demo

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "techspec needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
		echo "  fix: install one and name it, as in: make $(MAKECMDGOALS) PYTHON=python3.12"; \
		exit 2; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "'$(PYTHON)' could not make a virtual environment."; \
		echo "  fix: on Debian and Ubuntu, install the package python3-venv first."; \
		exit 2; }

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV) (the first time takes some minutes: PyTorch is large) ..."
	@$(PIP) install -c constraints.txt -e '.[train,report]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing the tools for tests and checks into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e '.[train,report,dev]'
	@touch $@

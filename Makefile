# `make` runs the default suite, `make test` the tests; both install everything they need first.
PYTHON ?= python3
CORES ?= all
SUITE ?= config/quick.yaml
BIN := .venv/bin
PIP_OPTIONS ?=
RUN := PATH="$(abspath $(BIN)):$$PATH"
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile --no-deps $(PIP_OPTIONS)
PARTS := install-odd install-even
IMPORTED := compile-bench.training.train compile-bench.report.build,snakemake.cli
CHECKS := check-types check-workflow check-rules check-schema check-layout check-code

# A run and its tests start hundreds of processes, each of which would compile what it imports.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: suite setup test test-cluster rehearsal fuzz check $(CHECKS) $(PARTS) $(IMPORTED) format benchmark docs pictures lock clean

suite: .venv/ready
	@$(BIN)/python -m bench run --cores $(CORES) --configfile $(SUITE)

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "PYTHON=$(PYTHON): version 3.11, 3.12 or 3.13 is needed; try make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "$(PYTHON) -m venv: not available; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@# Two processes unpack every second package each.
	@$(MAKE) --no-print-directory -j 2 $(PARTS)
	$(INSTALL) --no-build-isolation -e .
	@# pip would compile 18,000 modules, a minute of it; a run imports 3,000.
	@$(MAKE) --no-print-directory -j 2 $(IMPORTED)
	@touch $@

install-odd: EVERY := p;n
install-even: EVERY := n;p
$(PARTS):
	@sed -n '$(EVERY)' requirements.lock > .venv/$@.txt
	$(INSTALL) -r .venv/$@.txt

$(IMPORTED):
	@$(BIN)/python -W ignore -c 'import $(@:compile-%=%)'

test: check
	$(RUN) pytest -n auto --dist loadfile --no-loadscope-reorder

# Needs root and SLURM's packages; starts and stops its own cluster of two nodes.
test-cluster: .venv/ready
	$(RUN) pytest -m cluster -rs tests/workflow/test_cluster.py

# The paper's suites on stand-ins for D4RL's files, through SLURM where it is installed.
REHEARSAL ?= --divide 1000
rehearsal: .venv/ready
	$(RUN) python benchmarks/rehearsal results/rehearsal $(REHEARSAL)

# Changed inputs of every kind; prints how many were read and how many refused.
FUZZ ?= 1000
fuzz: .venv/ready
	FUZZ=$(FUZZ) $(RUN) pytest -s tests/fuzz

# Side by side; the types take longest.
check: .venv/ready
	@$(MAKE) --no-print-directory -j 2 $(CHECKS)

check-types: .venv/ready
	$(BIN)/mypy

check-workflow: .venv/ready
	$(RUN) snakemake --lint

check-rules: .venv/ready
	$(BIN)/snakefmt --check workflow Snakefile

check-schema: .venv/ready
	$(BIN)/python -m bench schema --check

check-layout: .venv/ready
	$(BIN)/ruff format --check .

check-code: .venv/ready
	$(BIN)/ruff check .

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt workflow Snakefile

# d3rlpy pins a different gymnasium, so it gets its own environment, as JAX does.
benchmark: .venv/ready .venv-peer/ready .venv-xla/ready
	$(BIN)/python -m bench benchmark --peer .venv-peer/bin/python --xla .venv-xla/bin/python

.venv-peer/ready:
	$(PYTHON) -m venv .venv-peer
	.venv-peer/bin/python -m pip install --quiet $(PIP_OPTIONS) torch==2.13.0 d3rlpy==2.8.1
	@touch $@

.venv-xla/ready:
	$(PYTHON) -m venv .venv-xla
	.venv-xla/bin/python -m pip install --quiet $(PIP_OPTIONS) jax==0.10.2
	@touch $@

# The documentation as a website in site/; a broken link or a docstring that cannot be read fails.
docs: .venv-docs/ready
	$(BIN)/python -m bench index > /dev/null
	.venv-docs/bin/python -m sphinx -W -n --keep-going -q -E -c docs . site
	@echo site/index.html

# Sphinx reads docstrings by importing the project, so it sees what .venv has.
.venv-docs/ready: .venv/ready
	$(BIN)/python -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet $(PIP_OPTIONS) sphinx==9.0.4 myst-parser==5.2.0 furo==2025.12.19
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$(.venv-docs/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
	@touch $@

# Pictures in the documentation, from the published reports and that of `snakemake record`.
pictures: .venv/ready
	$(BIN)/python docs/pictures.py

# torch's CPU and CUDA builds share a version; the lock file serves both because the CUDA libraries
# are left to pip.
lock:
	uv pip compile pyproject.toml --extra dev --extra cluster --universal --python-version 3.11 --no-annotate \
	  --no-header $(PIP_OPTIONS) | grep -vE '^(nvidia|cuda|triton)' > requirements.lock

clean:
	rm -rf .venv .venv-peer .venv-xla .venv-docs .snakemake data logs site

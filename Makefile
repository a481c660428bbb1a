# Needs only make and Python 3.11 or newer. `make help` lists the targets.
#
#   PYTHON=/path/to/python   the interpreter that the environment is made with
#   ARGS="..."               further options for the command of a target

VENV := .venv
RUN := $(VENV)/bin/python
OVERSAMPLING := $(VENV)/bin/oversampling
STAMP := $(VENV)/.complete
DOCS := $(VENV)/.complete-docs
BUILDING := $(VENV)/.building
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 $(RUN) -m pip install -qq

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help verify test figures bench lint check format docs wheel matrix oldest quick install clean rebuild

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

verify: $(STAMP) ## predict, simulate and judge every theorem (minutes; artifacts/verify/report.html)
	@$(OVERSAMPLING) verify --json artifacts/verify/report.json \
	    --report artifacts/verify/report.html $(ARGS)

test: $(STAMP) ## run the tests and the examples in the docstrings
	@$(RUN) -m pytest -q -n 2 --dist worksteal $(ARGS)

figures: $(STAMP) ## draw the figures from the artifacts
	@$(OVERSAMPLING) figures $(ARGS)

bench: $(STAMP) ## measure what it costs, side by side (a few minutes; nothing else should run)
	@$(RUN) -m benchmarks $(ARGS)

lint: $(STAMP) ## check the style, the layout and the types
	@$(RUN) -m ruff check $(ARGS) .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

check: lint quick ## lint, and judge the formulas on a recorded run (a minute; see CONTRIBUTING.md)

quick: $(STAMP)
	@JAX_COMPILATION_CACHE_DIR=$(VENV)/compiled JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0.1 \
	    $(RUN) -m pytest -q -o addopts= tests/quick.py

format: $(STAMP) ## lay the code out as lint expects it
	@$(RUN) -m ruff format $(ARGS) .

docs: $(DOCS) ## build the site into build/docs (minutes; tutorials run again only if changed)
	@rm -rf build/docs build/doctrees
	@JAX_PLATFORMS=cpu JAX_COMPILATION_CACHE_DIR=$(VENV)/compiled \
	    $(RUN) -m sphinx -W --keep-going -q -j 2 -b html -d build/doctrees $(ARGS) docs build/docs
	@echo "build/docs/index.html"

wheel: $(STAMP) ## build the wheel into dist, and check what is in it
	@rm -rf dist build/lib build/bdist.*
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(RUN) -m pip wheel -q --no-deps --no-index \
	    --no-build-isolation --wheel-dir dist .
	@$(RUN) .ci/wheel.py dist/*.whl

matrix: ## run the quick tests on each of Python 3.11 to 3.14 that is there
	@ran=; failed=; \
	for version in $$(.ci/matrix | sed -n 's/^python-//p'); do \
	    python$$version -c '$(CHECK)' 2>/dev/null || { echo "Python $$version: not there"; continue; }; \
	    ran=yes; \
	    .ci/matrix python-$$version && \
	        echo "Python $$version: passed" || { echo "Python $$version: FAILED"; failed=yes; }; \
	done; \
	[ -n "$$ran" ] && [ -z "$$failed" ]

oldest: ## run the quick tests on the oldest versions that pyproject.toml allows
	@python=$(or $(PYTHON),python3.11); \
	rm -rf .venv-oldest && $$python -m venv .venv-oldest && \
	$$python .ci/oldest.py > .venv-oldest/constraints.txt && \
	PIP_CONSTRAINT=.venv-oldest/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	    .venv-oldest/bin/python -m pip install -qq --editable '.[test,practice]' && \
	.venv-oldest/bin/python -m pytest -q -o addopts= tests/quick.py

install: $(STAMP) ## make the environment in .venv, with the versions of constraints.txt
	@echo "The environment in $(VENV) is complete."

clean: ## remove the environment and every cache
	rm -rf $(VENV) .venv-3.* .venv-oldest docs/generated build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A complete environment has the stamp and an interpreter that still runs. The mark BUILDING is
# there while an installation is under way: one that was interrupted is thrown away, not resumed.
CHECK := import sys; sys.exit(sys.version_info < (3, 11))
ifneq ($(shell $(RUN) -c '$(CHECK)' 2>/dev/null && echo yes),yes)
$(STAMP): rebuild
endif
rebuild: ;

$(STAMP): pyproject.toml setup.py constraints.txt
	@set -e; \
	if [ -e $(BUILDING) ] || ! $(RUN) -c '$(CHECK)' 2>/dev/null; then \
	    python=; \
	    for candidate in $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python); do \
	        if "$$candidate" -c '$(CHECK)' 2>/dev/null; then python=$$candidate; break; fi; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo "make: no Python 3.11 or newer among:" \
	            "$(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)." >&2; \
	        echo "make: install one, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python" >&2; \
	        exit 1; \
	    fi; \
	    echo "Making $(VENV) with $$("$$python" --version)."; \
	    rm -rf $(VENV); \
	    mkdir $(VENV); \
	    touch $(BUILDING); \
	    "$$python" -m venv $(VENV); \
	fi; \
	touch $(BUILDING); \
	rm -f $(STAMP); \
	echo "Installing the pinned packages in $(VENV) (once; a minute or two)."; \
	$(PIP) --editable '.[test,practice]'; \
	mkdir -p $(VENV)/typed; \
	ln -sfn ../.. $(VENV)/typed/synthetic_oversampling; \
	touch $(STAMP); \
	rm -f $(BUILDING)

# What the site needs besides. While it is installed the environment counts as incomplete.
$(DOCS): $(STAMP)
	@set -e; \
	touch $(BUILDING); \
	rm -f $(STAMP); \
	echo "Installing what the site needs in $(VENV) (once; half a minute)."; \
	$(PIP) --editable '.[test,practice,docs]'; \
	touch $(STAMP); \
	touch $(DOCS); \
	rm -f $(BUILDING)

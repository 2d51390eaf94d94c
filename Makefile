# Everything starts here: `make demo` on a fresh clone installs what it needs and shows a call.
# Needs make and Python 3.11 to 3.13, nothing else.

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
READY := .venv/.ready

FROM ?= +14255550112

CONFIG ?= default
TARGET = --config '$(CONFIG)' $(if $(STACK),--stack '$(STACK)')
DEPLOYMENT = $(TARGET) $(if $(SET),--set $(SET))

.DEFAULT_GOAL := help
.PHONY: help demo local call sam-invoke sam-api test drills bench check plan image deploy rollback destroy format lock hooks release clean

help: ## show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { line = sprintf("  make %-10s", $$1); count = split($$2, words, " "); \
	  for (n = 1; n <= count; n++) { \
	    if (length(line) + length(words[n]) > 78) { print line; line = sprintf("%17s", "") } \
	    line = line " " words[n] } \
	  print line }' Makefile

demo: $(READY) ## four phone calls from ring to record: answered, transferred, declined, a message taken
	@$(BIN)/python -m infra.local demo $(ARGS)

local: $(READY) ## the whole cloud on this machine, with your changes to agents, until Ctrl-C (LOGS=yes, OPENAI=real TUNNEL=cloudflared for real calls, CONTAINERS=yes for sam)
	@$(BIN)/python -m infra.local up $(if $(OPENAI),--openai $(OPENAI)) $(if $(CONTAINERS),--containers) $(if $(LOGS),--logs) $(if $(TUNNEL),--tunnel '$(TUNNEL)') $(ARGS)

call: $(READY) ## ring at the running local cloud (FROM=+1... TO=+1... AGENT=name SCRIPT=path/to/my.yaml HEADER="Privacy: id")
	@$(BIN)/python -m infra.local call --from '$(FROM)' $(if $(TO),--to '$(TO)') $(if $(AGENT),--agent '$(AGENT)') $(if $(SCRIPT),--script '$(SCRIPT)') $(if $(HEADER),--header '$(HEADER)') $(ARGS)

sam-invoke: $(READY) ## `sam local invoke` with the local cloud behind it (EVENT=incoming-guide, FUNCTION=SweeperFunction)
	@$(BIN)/python -m infra.deploy.samlocal invoke $(if $(FUNCTION),--function $(FUNCTION) $(EVENT),$(or $(EVENT),incoming-guide)) $(ARGS)

sam-api: $(READY) ## `sam local start-api`, until Ctrl-C; `make call` then goes through it
	@$(BIN)/python -m infra.deploy.samlocal start-api $(ARGS)

# Make tells the programs below it what was given to it, which is not meant for a `make` that a test runs.
test: $(READY) ## all tests but the drills (ARGS="-k sweeper" for some)
	env -u MAKEFLAGS -u MAKEOVERRIDES -u ARGS $(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder $(ARGS)

drills: $(READY) ## monitors killed, webhooks repeated, AWS and OpenAI failing under live calls (ARGS="kill rolling", "--short")
	@$(BIN)/python -m tests.drills $(ARGS)

bench: $(READY) ## CPU, memory and cold start beside what others make of the same calls (ARGS="events --write", "--help")
	@$(BIN)/python -m infra.bench $(ARGS)

check: $(READY) ## what must hold before a commit: style, types, agents, templates, built functions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell
	$(BIN)/python -m cli.check
	$(BIN)/python -m infra.deploy check
	@$(EXPORT) --no-header --output-file .venv/requirements.txt > /dev/null
	@grep -v '^#' functions/requirements.txt | diff - .venv/requirements.txt || \
	  { echo "functions/requirements.txt is not what uv.lock says: run make lock" >&2; exit 1; }

plan: $(READY) ## what a deployment would create; needs no account (CONFIG=prod SET="MonitorSize=large" IMAGE=...)
	@$(BIN)/python -m infra.deploy plan $(DEPLOYMENT) $(if $(IMAGE),--image '$(IMAGE)') $(ARGS)

image: $(READY) ## build the monitor's image and push it to your account's registry (REGISTRY=host/name for another)
	@$(BIN)/python -m infra.deploy image $(DEPLOYMENT) $(if $(REGISTRY),--registry '$(REGISTRY)') $(ARGS)

deploy: $(READY) ## deploy to the AWS account and region of your environment (IMAGE=... for a former image)
	@$(BIN)/python -m infra.deploy deploy $(DEPLOYMENT) $(if $(IMAGE),--image '$(IMAGE)') $(ARGS)

rollback: $(READY) ## go back by one deployment: functions, agent files, image and parameters together
	@$(BIN)/python -m infra.deploy rollback $(TARGET) $(ARGS)

destroy: $(READY) ## delete the deployment again; the record of calls stays (ARGS=--with-records)
	@$(BIN)/python -m infra.deploy destroy $(TARGET) $(ARGS)

format: $(READY) ## put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(READY) ## after a change of dependencies: uv.lock and functions/requirements.txt
	$(BIN)/uv lock
	$(EXPORT) --output-file functions/requirements.txt > /dev/null

hooks: $(READY) ## what `make check` finds in seconds, before each of your commits (pre-commit)
	@$(BIN)/pre-commit install

release: $(READY) ## a version: changelog section, commit and tag (VERSION=0.2.0; ARGS="--dry-run -v" shows it)
	@test -n '$(VERSION)' || { echo "Name the version: make release VERSION=0.2.0" >&2; exit 2; }
	@$(BIN)/bump-my-version bump --new-version '$(VERSION)' $(ARGS)
	@$(if $(ARGS),,git tag --points-at HEAD | grep -qx 'v$(VERSION)' || { echo "Nothing was made: this is $(VERSION) already." >&2; exit 1; })
	@$(if $(ARGS),,echo "Made $(VERSION). Push it with its tag: git push --follow-tags")

clean: ## remove what was installed or built, never a file of yours
	rm -rf .venv .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis

# What ships, with hashes: the Lambda zip and the image install exactly this.
EXPORT = $(BIN)/uv export --frozen --no-default-groups --group agents --no-emit-project

# uv is fetched with pip into the environment itself, so that nobody has to install it first.
$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Ringside needs Python 3.11, 3.12 or 3.13, but '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.13 ..." >&2; exit 1; }
	@test -x $(BIN)/uv || test -x $(BIN)/pip || \
	  { echo "Making .venv with $$($(PYTHON) -V) ..."; $(PYTHON) -m venv --clear .venv; }
	@$(BIN)/uv --version 2>/dev/null | grep -q '^uv $(UV_VERSION)' || \
	  { echo "Installing uv $(UV_VERSION) into it ..."; $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'; }
	@echo "Installing the locked dependencies ..."
	@UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --frozen --all-extras --quiet
	@touch $@

# `make test` and `make demo` install what is missing and say so; what they make lies in target/, .cache/ and ~/.cache/ace-ops.
CARGO ?= cargo
# Arguments for ace-dev, e.g. `make up ARGS="--dir .cache/other"`.
ARGS ?=
ACE_DEV = $(CARGO) run --package ace-sandbox --bin ace-dev --
# What `make bench` measures; with ARGS, name one.
BENCH ?= fleet migrations
# What `make mutants` runs.
mutants: SEEDED ?= all
# How long `make fuzz` searches.
SECONDS ?= 300
# Judges dependencies. Where none is on the PATH, it is built once, which takes some minutes.
DENY_VERSION = 0.20.2
DENY ?= $(or $(shell command -v cargo-deny),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ace-ops/cargo-deny-$(DENY_VERSION)/bin/cargo-deny)
# `make demo ONCE=1` ends by itself, with an error when something did not happen.
ONCE ?=

.DEFAULT_GOAL := help
.PHONY: help demo up check test mutants fuzz bench tools lint walls deny

help: ## What there is to make
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: ## A team's functions and migrations rolled out, changed out of band, broken and fixed; ONCE=1 ends by itself
	$(CARGO) build --package ace-operator --package ace-sandbox --bins
	@"$${CARGO_TARGET_DIR:-target}/debug/ace-dev" demo $(if $(ONCE),--once) $(ARGS)

up: ## Control plane, PostgreSQL, platform and receivers of notifications, until Ctrl-C
	@$(ACE_DEV) up $(ARGS)

check: lint ## Format, lints, generated files, unit tests
	$(CARGO) test --workspace --lib --bins

test: lint walls deny tools ## Everything, with the mutants that the change at hand touches
	$(CARGO) test --workspace

mutants: tools ## Every deliberate mistake of tests/seeded; e.g. SEEDED=07 for those so named
	SEEDED=$(SEEDED) $(CARGO) test --package ace-tests --test seeded -- --nocapture

fuzz: ## Hostile inputs by grammar, each read in a child under the pod's limits, and histories of backups; e.g. SECONDS=3600
	HOSTILE_SECONDS=$(SECONDS) $(CARGO) test --package ace-tests --test hostile
	PROPTEST_CASES=20000 $(CARGO) test --package ace-domain --lib scan
	PROPTEST_CASES=100000 $(CARGO) test --package ace-domain --lib retention

bench: tools ## Measures the operator beside a bare client, and beside psql; an hour of churn by BENCH=churn ARGS="--minutes 60"
	set -e; for bench in $(BENCH); do $(CARGO) bench --package ace-tests --bench $$bench -- $(ARGS); done

tools: ## Installs and builds what the tests and the bed need
	@$(ACE_DEV) tools

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	$(CARGO) xtask check

deny: $(DENY) ## What we depend on: versions, licences, registries, and advisories where their database can be reached
	"$(DENY)" --locked check bans licenses sources
	@if "$(DENY)" --locked fetch db >/dev/null 2>&1; then "$(DENY)" --locked check advisories --disable-fetch; \
	else echo "the database of advisories can't be reached: they were not looked up"; fi

$(DENY):
	@echo "building cargo-deny $(DENY_VERSION), once"
	$(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --root "$(patsubst %/bin/cargo-deny,%,$@)"

# By themselves: a feature that another crate turns on must not hold a wall open.
walls:
	$(CARGO) check --package ace-api
	$(CARGO) check --package ace-domain
	$(CARGO) check --package ace-egress
	$(CARGO) check --package ace-runtime
	$(CARGO) check --package ace-notify
	$(CARGO) check --package ace-signals
	$(CARGO) check --package ace-archive

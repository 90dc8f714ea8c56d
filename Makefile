# `make up` brings up the whole system on this machine, `make test` runs every test, `make check` everything else that
# has to hold before a commit.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

target := $(or $(CARGO_TARGET_DIR),target)

# Files that `make generate` writes. They are committed, and `make check` says when one is out of date.
generated := docs/dance.md $(wildcard docs/api/*)

.PHONY: help up test examples provider-test provider-live chaos check check-alerts check-asyncapi check-openapi try-api bench compare audit-speed flamegraph generate check-generated clean prerequisites

help:
	@echo "make up      start Kafka, PostgreSQL, the schema registry and every service, until Ctrl-C"
	@echo "make test    run every test; starts what it needs and leaves nothing behind"
	@echo "make provider-test  try the client of Stripe against stripe-mock, localstripe and Stripe's SDK, which it installs"
	@echo "make provider-live  try it against Stripe itself: STRIPE_TEST_KEY_FILE names a file with a key of its test mode"
	@echo "make examples  run the programs of examples/ (Python, Node, Go, Java, curl) against a shop of their own"
	@echo "make try-api   try the gateway with requests made up from its OpenAPI document (schemathesis)"
	@echo "make chaos   kill the program and its servers at every boundary, under load; prints a table"
	@echo "make check   format, lints, rules of the source and of the dance, documentation, generated files"
	@echo "make bench   measure the reference workload on servers of its own (options: make bench ARGS='--variant hot')"
	@echo "make compare YARDSTICK=FOLDER  measure it beside a synchronous shop, by turns; table and plots in target/comparison"
	@echo "make audit-speed  measure the audit over a million events (fewer: make audit-speed ARGS='--events 100000')"
	@echo "make flamegraph   draw where the program's CPU goes meanwhile"
	@echo "make clean   remove the data of make up"

prerequisites:
	@dev/prerequisites.sh

# The program ends with make, also when make is killed and can tell nobody: hence the watch over make's own number. It
# tells by SIGTERM what Ctrl-C tells by SIGINT. `exec`, so that nothing stands between make and the program.
up: prerequisites
	cargo build --locked --release --bin minuet
	@make=$$PPID up=$$$$; \
	(while kill -0 $$make && kill -0 $$up; do sleep 1; done; kill -TERM $$up) </dev/null >/dev/null 2>&1 & \
	exec $(target)/release/minuet up

# The tests start the program itself too.
test: prerequisites
	cargo build --locked --bin minuet
	cargo test --locked --workspace
	cd examples/loyalty && CARGO_TARGET_DIR=$(abspath $(target)) cargo test --locked --quiet

examples: prerequisites
	cargo build --locked --bin minuet
	examples/run.sh

provider-test: prerequisites
	dev/provider/test.sh

# The only target that leaves this machine. Not part of any other.
provider-live: prerequisites
	@if [ ! -r "$${STRIPE_TEST_KEY_FILE:-}" ]; then \
		echo "STRIPE_TEST_KEY_FILE names no readable file: it takes a file with a secret key of Stripe's test mode (sk_test_...)" >&2; exit 1; \
	fi
	cargo test --locked --workspace --lib -- --ignored provider::stripe::tests::live --test-threads=1

# The whole crash kit, of which `make test` has a part.
chaos: prerequisites
	cargo build --locked --bin minuet
	cargo test --locked --workspace --test system chaos:: -- --ignored --test-threads=1 --nocapture

check: prerequisites check-generated check-alerts check-asyncapi check-openapi
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cd examples/loyalty && cargo fmt --check && CARGO_TARGET_DIR=$(abspath $(target)) cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --quiet -p minuet-house
	cargo run --locked --quiet --bin minuet -- lint
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check; fi

# By Debian's promtool (package prometheus), or any other.
check-alerts: prerequisites
	@if command -v promtool >/dev/null; then \
		promtool check config deploy/prometheus/prometheus.yml && promtool test rules deploy/prometheus/alerts.test.yml; \
	else echo "promtool is not here: the alert rules are not tested" >&2; fi

# By the parser of the AsyncAPI initiative, where Node is here.
check-asyncapi: prerequisites
	@dev/asyncapi/validate.sh

# By Redocly's linter, where Node is here.
check-openapi: prerequisites
	@dev/openapi/lint.sh

# Requests made up from the OpenAPI document, against the gateway of a shop of its own, where Python is here.
try-api: prerequisites
	cargo build --locked --bin minuet
	dev/openapi/try.sh $(ARGS)

# The program is the one that `make test` builds too. Nothing is written where it fails.
generate:
	@page=$$(cargo run --locked --quiet --bin minuet -- dance); printf '%s\n' "$$page" >docs/dance.md
	@mkdir -p docs/api
	@cargo run --locked --quiet --bin minuet -- contract write docs/api

check-generated:
	@before=$$(cat $(generated) </dev/null | cksum); $(MAKE) --no-print-directory generate; \
	if [ "$$before" != "$$(cat $(generated) </dev/null | cksum)" ]; then \
		echo "generated files were out of date; make generate has renewed them: $(generated)" >&2; exit 1; \
	fi

# By itself: whatever else runs on the machine is measured too.
bench: prerequisites
	cargo build --locked --release --bin minuet
	$(target)/release/minuet bench $(ARGS)

# Beside a synchronous shop, whose folder YARDSTICK names: dev/bench/compare.py says what that has to be. Three quarters
# of an hour by itself.
compare: prerequisites
	cargo build --locked --release --bin minuet
	dev/bench/compare.py --yardstick '$(YARDSTICK)' --minuet $(target)/release/minuet --out $(target)/comparison $(ARGS)

# By itself, too: the figures are those of a quiet machine.
audit-speed: prerequisites
	cargo bench --locked -p minuet-audit -- $(ARGS)

flamegraph: prerequisites
	cargo build --locked --release --bin minuet
	dev/bench/flamegraph.sh $(target)/release/minuet $(target)/flamegraph $(ARGS)

# The lock is held for as long as `make up` runs. The janitor waits for servers that are still stopping, and removes
# the cluster too where it lies elsewhere.
clean:
	@if [ -e .minuet ]; then \
		flock --nonblock --conflict-exit-code 75 .minuet/lock \
			sh dev/stack/src/janitor.sh "$$PWD/.minuet" </dev/null \
		|| { [ $$? != 75 ] || echo ".minuet is in use: stop make up first" >&2; exit 1; }; \
	fi

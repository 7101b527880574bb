# Everything that is checked or shown is a target here; `make help` lists them.

CONTROL_PLANE := tests/e2e/control-plane/assets
SETUP := .ci/setup
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test lint pure generate control-plane clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Installs what is missing: a C compiler, Go (as root; otherwise says what to type)
	@$(SETUP)

run: ## Shows the main job at a real API server and keeps serving; ARGS=--once ends by itself
	@$(SETUP) --as-far-as-possible
	cargo build --release --locked --bin palette-rbac --example demo
	@target/release/examples/demo $(ARGS)

test: ## Runs every test, those at a real API server too
	@$(SETUP) --as-far-as-possible
	@$(SETUP) --control-plane & cargo test --locked --no-run && wait $$!
	cargo test --locked

lint: ## Checks formatting, lints and the purity of the engine
	@$(SETUP) --lint
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	@$(MAKE) --no-print-directory pure
	@if go=$$($(CONTROL_PLANE) go); then echo "gofmt -l tests/e2e/control-plane"; \
		test -z "$$($$($$go env GOROOT)/bin/gofmt -l tests/e2e/control-plane | tee /dev/stderr)"; fi

pure: ## Proves that the engine needs no I/O: it compiles without the feature `server`
	cargo check --locked --lib --no-default-features

generate: ## Writes what is made from the source: docs/command-line.md
	UPDATE_DOCS=1 cargo test --locked --test cli help::the_page

control-plane: ## Builds etcd, kube-apiserver and kubectl into the cache (7 minutes on 2 cores, once)
	@$(CONTROL_PLANE) build

clean: ## Removes what cargo built; the control plane stays in its cache
	cargo clean

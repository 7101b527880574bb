# Everything that is checked or shown is a target here; `make help` lists them.

CONTROL_PLANE := tests/e2e/control-plane/assets
SETUP := .ci/setup
# Small enough to be built where it is missing; without optimisation that takes a minute on 2 cores instead of three.
CARGO_DENY := 0.20.2
CARGO_CYCLONEDX := 0.5.9
CARGO_FUZZ := 0.13.2
# The last that runs on Node 20.
PRISM := 5.14.2
# How long `make fuzz` looks with each target, in seconds.
SECONDS ?= 120
ARGS ?=
TARGETS ?=
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench fuzz pure deny generate sbom image control-plane cert-manager prism clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Installs what is missing: a C compiler, Go (as root; otherwise says what to type)
	@$(SETUP)

run: ## Shows the main job at a real API server and keeps serving; ARGS=--once ends by itself
	@$(SETUP) --as-far-as-possible
	cargo build --locked --bin palette-rbac --example demo
	@cargo run --locked --quiet --example demo -- $(ARGS)

test: ## Runs every test, those at a real API server too
	@$(SETUP) --as-far-as-possible
	@$(SETUP) --prometheus
	@$(SETUP) --image
	@$(SETUP) --node
	cargo test --locked --no-run
	@$(SETUP) --control-plane
	cargo test --locked

lint: ## Checks formatting, lints, the purity of the engine, and licences and sources of what it depends on
	@$(SETUP) --lint
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --locked --all-targets -- -D warnings
	@$(MAKE) --no-print-directory pure deny
	@if go=$$($(CONTROL_PLANE) go); then echo "gofmt -l tests/e2e/control-plane benches"; \
		test -z "$$($$($$go env GOROOT)/bin/gofmt -l tests/e2e/control-plane benches | tee /dev/stderr)"; fi

bench: ## Measures the webhook beside one that does nothing; BENCH names parts, as in BENCH='throughput decision'
	@$(SETUP) --as-far-as-possible
	cargo bench --locked --bench beside-nothing -- $(BENCH)

fuzz: ## Looks for inputs that cost too much or are read otherwise than by kubectl; SECONDS=3600 TARGETS=review
	@$(SETUP) --as-far-as-possible
	@$(SETUP) --fuzz
	@cargo fuzz --version 2>/dev/null | grep -qx 'cargo-fuzz $(CARGO_FUZZ)' \
		|| cargo install cargo-fuzz --version $(CARGO_FUZZ) --locked --debug
	fuzz/run $(SECONDS) $(TARGETS)

prism: ## Installs Prism into the cache: a mock of Palette's API that nobody here wrote, for tests/sync/prism.rs
	npm install --no-save --prefix "$${XDG_CACHE_HOME:-$$HOME/.cache}/palette-rbac/prism" @stoplight/prism-cli@$(PRISM)

pure: ## Proves that the engine needs no I/O: it compiles without the feature `server`
	cargo check --locked --lib --no-default-features

deny: ## Checks licences, bans and sources of every dependency (deny.toml)
	@cargo deny --version 2>/dev/null | grep -qx 'cargo-deny $(CARGO_DENY)' \
		|| cargo install cargo-deny --version $(CARGO_DENY) --locked --debug
	cargo deny --locked check --hide-inclusion-graph licenses bans sources

generate: ## Writes generated files anew; a test fails when they differ
	cp monitoring/alerts.yaml manifests/chart/files/alerts.yaml
	@tests/node/assets install
	manifests/generate
	UPDATE_DOCS=1 cargo test --locked --test cli help::the_page

image: ## Builds an OCI image from nothing, without a container engine, in target/image (oci:target/image)
	@$(SETUP) --as-far-as-possible
	@image/build

sbom: ## Lists what the binary is made of, as CycloneDX, in target/sbom/
	@cargo cyclonedx --version 2>/dev/null | grep -qx 'cargo-cyclonedx-cyclonedx $(CARGO_CYCLONEDX)' \
		|| cargo install cargo-cyclonedx --version $(CARGO_CYCLONEDX) --locked --debug
	cargo cyclonedx --format json --spec-version 1.5 --describe binaries
	@mkdir -p target/sbom && mv palette-rbac_bin.cdx.json target/sbom/palette-rbac.cdx.json
	@echo target/sbom/palette-rbac.cdx.json

cert-manager: ## Builds cert-manager and fetches published CRDs into the cache, for tests/node (3 minutes on 2 cores, once)
	@tests/node/assets build-cert-manager

control-plane: ## Builds etcd, kube-apiserver, kubectl and kube-controller-manager into the cache (10 minutes on 2 cores, once)
	@$(CONTROL_PLANE) build all

clean: ## Removes what cargo built; the control plane stays in its cache
	cargo clean

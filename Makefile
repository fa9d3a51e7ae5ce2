# Everything is built in the release profile: llama.cpp, the one slow part, is then compiled once for all targets.

.DEFAULT_GOAL := help
.PHONY: help setup demo test fuzz bench fmt lint docs

CARGO ?= cargo

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

setup: ## Check for what the build needs; as root, install what is missing
	@scripts/setup.sh

demo: setup ## Solve a few tasks with the embedded model, plain and guided, side by side
	$(CARGO) run --release --locked -p egcfg -- demo

test: setup ## Check layout, lints and documentation, then run all tests
	@scripts/test.sh

fuzz: setup ## Try each property test on 20,000 cases, and the engine on 10,000 broken files
	@scripts/fuzz.sh

bench: setup ## Measure; raw results go to bench/results
	@scripts/bench.sh

fmt: ## Format the Rust sources
	$(CARGO) fmt --all

lint: setup ## Run clippy with every warning as an error
	$(CARGO) clippy --release --workspace --all-targets --locked -- -D warnings

docs: setup ## Build the documentation of all crates into target/doc
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --workspace --no-deps --locked

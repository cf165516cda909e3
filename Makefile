# `make help` lists the targets; each has one line there.

GO            ?= go
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
ACTIONLINT    := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
VALE          := github.com/errata-ai/vale/v3/cmd/vale@v3.7.1
TOOLS         := $(CURDIR)/.bin
FUZZTIME      ?= 20000x
ENDURANCE     ?= 100000
SOAK          ?= 100000
SOAK_SEED     ?= $(shell date +%s)
ARGS          ?=
GO_FOLDERS    := agent bench cmd e2e examples handler internal lambdatest otelx

# The race detector needs cgo, and so a C compiler. Without one the tests run without it and print a note.
CGO_WORKS := $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v $$($(GO) env CC) 2>/dev/null)
RACE      := $(if $(CGO_WORKS),-race,)

.DEFAULT_GOAL := help
.PHONY: help demo test soak e2e bench benchstat endurance bench-once size performance performance-endurance fuzz lint prose template build-OrdersFunction build-FulfilFunction tidy clean

help: ## List the targets.
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z0-9_-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Run the orders function in the local Lambda, with freezes, and show when its telemetry is sent.
	@$(GO) run ./cmd/epilogue demo $(ARGS)

test: ## Run all tests of the module, with real child processes, signals and the race detector.
	@$(if $(CGO_WORKS),:,echo "make test: no C compiler was found or CGO_ENABLED is 0, so the race detector is off")
	$(GO) test $(RACE) -shuffle=on ./...

soak: ## Run 100,000 random invocations in virtual time (SOAK=, SOAK_SEED=).
	$(GO) test $(RACE) -count=1 -v -timeout 90m ./internal/soak -args -seed $(SOAK_SEED) -invocations $(SOAK)

e2e: ## Send telemetry through bad networks to a real OpenTelemetry Collector, Jaeger and Prometheus, and compare each item.
	cd e2e && $(GO) test $(RACE) -shuffle=on -timeout 20m ./...

bench: ## Compare a function with epilogue, with rivals and without telemetry, as whole processes: one table.
	@cd bench && $(GO) run . $(ARGS)

benchstat: ## Compare the Go benchmarks with their rivals (COUNT= times each, default 10).
	@bench/benchstat

endurance: ## Compare memory and descriptors with a bare process over 100,000 invocations (ENDURANCE=).
	@cd bench && $(GO) run . -endurance $(ENDURANCE)

bench-once: ## Run every benchmark and every process of the table once, as a check.
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...
	cd bench && $(GO) test -bench . -benchtime 1x ./...
	cd bench && $(GO) run . -quick
	cd bench && $(GO) run . -endurance 500

size: ## List the packages that epilogue adds to a binary, and check the sum against bench/size.budget.
	@cd bench && $(GO) run ./cmd/size -check size.budget $(ARGS)

performance: ## Measure everything and update docs/performance.md: 15 minutes on an idle machine.
	cd bench && $(GO) run ./cmd/fill -plain ../docs/performance.md processes $(GO) run .
	cd bench && $(GO) run ./cmd/fill ../docs/performance.md benchmarks ./benchstat
	cd bench && $(GO) run ./cmd/fill ../docs/performance.md size $(GO) run ./cmd/size
	$(MAKE) performance-endurance

performance-endurance: ## Update the endurance table of docs/performance.md only.
	cd bench && $(GO) run ./cmd/fill -plain ../docs/performance.md endurance $(GO) run . -endurance $(ENDURANCE)

fuzz: ## Fuzz every parser for FUZZTIME each (default 20000x: a number of inputs; 1m: a minute).
	@GO="$(GO)" FUZZTIME=$(FUZZTIME) .ci/fuzz

lint: $(TOOLS)/golangci-lint $(TOOLS)/actionlint prose ## Run golangci-lint, actionlint and vale, and go vet for other systems.
	$(TOOLS)/golangci-lint run ./...
	cd e2e && $(TOOLS)/golangci-lint run --config ../.golangci.yml ./...
	cd bench && $(TOOLS)/golangci-lint run --config ../.golangci.yml ./...
	$(TOOLS)/golangci-lint fmt --diff ./...
	@for os in linux darwin windows; do echo "GOOS=$$os $(GO) vet ./cmd/... ./lambdatest/..."; GOOS=$$os $(GO) vet ./cmd/... ./lambdatest/... || exit; done
	$(TOOLS)/actionlint

# vale is built with cgo.
prose: $(if $(CGO_WORKS),$(TOOLS)/vale) ## Check the words and sentences of Markdown files and Go comments.
	@$(if $(CGO_WORKS),$(TOOLS)/vale --output=line *.md docs $(GO_FOLDERS),echo "make prose: no C compiler was found or CGO_ENABLED is 0, so vale is skipped")

$(TOOLS)/vale: Makefile
	GOBIN=$(TOOLS) $(GO) install $(VALE)

$(TOOLS)/golangci-lint: Makefile
	GOBIN=$(TOOLS) $(GO) install $(GOLANGCI_LINT)

$(TOOLS)/actionlint: Makefile
	GOBIN=$(TOOLS) $(GO) install $(ACTIONLINT)

template: ## Check template.yaml against AWS's specification, and run its builds on both architectures.
	.ci/template/check
	.ci/template/bootstraps

# `sam build` calls these with ARTIFACTS_DIR set; see template.yaml for ARCHITECTURE. The tag removes aws-lambda-go's
# net/rpc mode, which provided.al2023 does not use.
ARCHITECTURE  ?= arm64
ARTIFACTS_DIR ?= $(CURDIR)/bin/$@
BOOTSTRAP      = CGO_ENABLED=0 GOOS=linux GOARCH=$(patsubst x86_64,amd64,$(ARCHITECTURE)) \
                 $(GO) build -tags lambda.norpc -trimpath -ldflags "-s -w" -o "$(ARTIFACTS_DIR)/bootstrap"

build-OrdersFunction: ## Build the orders function as `sam build` does, for ARCHITECTURE (default arm64).
	$(BOOTSTRAP) ./examples/orders

build-FulfilFunction: ## Build the fulfil function as `sam build` does, for ARCHITECTURE (default arm64).
	$(BOOTSTRAP) ./examples/fulfil

tidy: ## Tidy every module of the repository.
	$(GO) mod tidy
	cd e2e && $(GO) mod tidy
	cd e2e/jaeger && $(GO) mod tidy
	cd e2e/prometheus && $(GO) mod tidy
	cd bench && $(GO) mod tidy

clean: ## Remove the files that the targets above have built.
	rm -rf $(TOOLS) bin .ci/template/node_modules
	$(GO) clean -testcache

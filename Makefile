# Wayside: the daily loops. Each is one command that also works without make.

GO       ?= go
FUZZTIME ?= 10s
TOOL      = $(GO) tool -modfile=tools/go.mod

.DEFAULT_GOAL := help

##@ Try it

.PHONY: run
run: ## Start Wayside with no configuration: the agent, and traces as they arrive
	@$(GO) build -o bin/ ./cmd/wayside && exec bin/wayside up # go run would end with an error at ctrl-C

.PHONY: demo
demo: ## The same, with a made-up web shop that sends it traces
	@$(GO) build -o bin/ ./cmd/wayside && exec bin/wayside up --demo

.PHONY: build
build: ## Static, stripped bin/wayside-agent and bin/wayside
	GO="$(GO)" cmd/wayside-agent/build.sh bin/wayside-agent
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/ ./cmd/wayside
	@ls -l bin/wayside-agent bin/wayside

.PHONY: deb
deb: ## bin/wayside-agent_VERSION_ARCH.deb for amd64 and arm64; VERSION=1.2.3 make deb
	./deploy/debian/build.sh
	@ls -l bin/*.deb

.PHONY: image
image: ## bin/wayside-agent.tar and bin/wayside-operator.tar: container images for amd64 and arm64, made without a container engine
	GO="$(GO)" deploy/docker/build.sh

##@ Every day

.PHONY: quick
quick: ## Unit tests; need only Go
	$(GO) test ./...

.PHONY: fmt
fmt: ## Format as the linter wants it
	git ls-files -zco --exclude-standard '*.go' ':!*zz_generated*' | xargs -0 $(TOOL) gofumpt -w -modpath github.com/wayside-tracing/wayside
	git ls-files -zco --exclude-standard '*.go' ':!*zz_generated*' | xargs -0 $(TOOL) goimports -w -local github.com/wayside-tracing/wayside
	$(GO) fix -tags crash -stringsbuilder=false ./...

.PHONY: generate
generate: ## What is made from the TraceAgent's Go types: deep copies, the CustomResourceDefinition
	GO="$(GO)" kube/api/generate.sh

.PHONY: lint
lint: ## Formatting, go vet and the linters of .golangci.yml
	./test/all.sh format lint

.PHONY: race
race: ## Unit tests under the race detector; needs gcc
	./test/all.sh race

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZTIME (10s; 5s in make test)
	FUZZTIME=$(FUZZTIME) ./test/all.sh fuzz

.PHONY: deps
deps: ## Renew the record of what is linked into the agent
	GOOS=linux GOARCH=amd64 CGO_ENABLED=0 $(GO) list -deps -f '{{with .Module}}{{if not .Main}}{{$$.ImportPath}}{{end}}{{end}}' \
		./cmd/wayside-agent | LC_ALL=C sort > cmd/wayside-agent/deps.txt

##@ Before a change lands

.PHONY: test
test: ## Every tier, set up as needed
	./test/all.sh

.PHONY: interop
interop: ## Real Jaeger clients, through the agent, into Jaeger and an OpenTelemetry Collector
	./test/all.sh interop

.PHONY: soak
soak: ## Break everything around a running agent, for long (see test/crash)
	$(GO) test -tags crash -count=1 -parallel 8 -timeout 6h -v ./test/crash -args -long

.PHONY: package
package: ## The Debian package, on a machine with systemd of its own; needs root
	./test/all.sh package

.PHONY: manifests
manifests: ## Images, manifests, Helm chart and policy for Kubernetes, without a cluster
	./test/all.sh manifests

.PHONY: cluster
cluster: ## Agents on a real Kubernetes with two nodes, in namespaces of their own; needs root
	./test/all.sh cluster

.PHONY: cluster-fast
cluster-fast: ## CRDs, manifests and injected pods, as real API servers of the newest and the oldest Kubernetes see them
	./test/cluster/run.sh fast

.PHONY: scale
scale: ## The operator with 1,000 nodes and 5,000 pods that kwok pretends to run; writes test/cluster/results
	./test/cluster/run.sh scale

.PHONY: chroot
chroot: ## README's two commands in a fresh Debian, as root and not; needs root
	./test/chroot.sh

.PHONY: bench
bench: ## Side by side with the Jaeger Agent and the Collector; writes bench/results
	./bench/run.sh

##@ Help

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo

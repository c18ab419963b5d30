#!/bin/sh
# Builds the agent as it ships: static, stripped, small.
#
#   cmd/wayside-agent/build.sh OUTPUT [more arguments for go build]
#
# Half a megabyte is net/http's own HTTP/2, which nothing here uses: the agent
# speaks it by itself. Another is inlining, where no span comes by.
set -eu
output=$1
shift
case $output in /*) ;; *) output=$PWD/$output ;; esac
cd "$(dirname "$0")/../.."

cold="
	crypto/tls crypto/x509 encoding/asn1 encoding/json fmt log/slog math/big mime mime/multipart net/http net/url
	reflect regexp regexp/syntax runtime/pprof
	vendor/golang.org/x/net/idna vendor/golang.org/x/text/unicode/bidi vendor/golang.org/x/text/unicode/norm
	go.yaml.in/yaml/v3
	github.com/wayside-tracing/wayside/agent/admin
	github.com/wayside-tracing/wayside/agent/config
	github.com/wayside-tracing/wayside/agent/config/jaegerflags
	github.com/wayside-tracing/wayside/wire/zstd
"
for package in $cold; do
	set -- "-gcflags=$package=-l" "$@"
done
CGO_ENABLED=0 exec "${GO:-go}" build -trimpath -tags nethttpomithttp2 -ldflags "-s -w" "$@" -o "$output" ./cmd/wayside-agent

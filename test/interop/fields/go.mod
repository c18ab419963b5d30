module github.com/wayside-tracing/wayside/test/interop/fields

go 1.26.0

require (
	go.opentelemetry.io/proto/otlp v1.11.1
	google.golang.org/protobuf v1.36.12
)

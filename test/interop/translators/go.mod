module github.com/wayside-tracing/wayside/test/interop/translators

go 1.26.0

require (
	github.com/apache/thrift v0.23.1-0.20260429145742-d2acd3c49e58
	github.com/jaegertracing/jaeger-idl v0.9.0
	github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger v0.155.0
	github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/zipkin v0.155.0
	github.com/openzipkin/zipkin-go v0.4.3
	github.com/wayside-tracing/wayside v0.0.0
	github.com/wayside-tracing/wayside/test/interop/fields v0.0.0
	go.opentelemetry.io/collector/pdata v1.61.0
	go.opentelemetry.io/proto/otlp v1.11.1
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/gogo/googleapis v1.4.1 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/hashicorp/go-version v1.9.0 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.3-0.20250322232337-35a7c28c31ee // indirect
	github.com/open-telemetry/opentelemetry-collector-contrib/internal/coreinternal v0.155.0 // indirect
	github.com/open-telemetry/opentelemetry-collector-contrib/pkg/core/xidutils v0.155.0 // indirect
	go.opentelemetry.io/collector/featuregate v1.61.0 // indirect
	go.opentelemetry.io/otel v1.44.0 // indirect
	go.opentelemetry.io/otel/trace v1.44.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc // indirect
	google.golang.org/grpc v1.84.0 // indirect
)

replace github.com/wayside-tracing/wayside => ../../..

replace github.com/wayside-tracing/wayside/test/interop/fields => ../fields

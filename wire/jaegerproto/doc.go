// Package jaegerproto writes the requests that Jaeger's collectors take by
// gRPC: PostSpansRequest of api_v2/collector.proto, whose spans are those of
// api_v2/model.proto (jaegertracing/jaeger-idl, proto).
package jaegerproto

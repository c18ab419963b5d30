package zipkin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/openzipkin/zipkin-go/model"
)

func (g generator) v2() (m spans) {
	for i := range g.some(6) {
		s := &model.SpanModel{
			SpanContext: model.SpanContext{
				TraceID: model.TraceID{Low: pick(g, g.Uint64(), 0, 5), High: pick(g, g.Uint64(), 0)}, ID: model.ID(i + 1),
			},
			Name: g.word(), Shared: g.one(2),
			Kind: pick(g, model.Client, model.Server, model.Producer, model.Consumer, model.Undetermined, "OTHER"),
			Tags: g.tags(), LocalEndpoint: g.endpointV2(), RemoteEndpoint: g.endpointV2(),
		}
		if g.one(2) {
			s.ParentID = new(model.ID(pick(g, g.Uint64(), 0, uint64(s.ID))))
		}
		if us := max(g.time(), 0); us != 0 {
			s.Timestamp = time.UnixMicro(us % (1 << 53))
		}
		s.Duration = time.Duration(pick(g, 0, g.Int64N(second), g.Int64N(second))) * time.Microsecond
		for range g.some(3) {
			s.Annotations = append(s.Annotations, model.Annotation{
				Timestamp: time.UnixMicro(1 + g.Int64N(2_000_000_000_000_000)),
				Value:     pick(g, g.word(), "a|b", "|", g.event()),
			})
		}
		m = append(m, s)
	}
	return m
}

// event is one as contrib's exporter writes it, with what may be in its attributes.
func (g generator) event() string {
	attributes := make(map[string]any)
	for range g.some(4) {
		attributes[g.word()] = pick[any](g, g.word(), true, false, g.IntN(100), -0.5, 1e300*0+2.25, int64(9007199254740993), "a|b",
			nil, []any{1, "x"}, map[string]any{"k": 1})
	}
	text, err := json.Marshal(attributes)
	must(err)
	return fmt.Sprintf("%s|%s|%d", pick(g, "e", "", "日本語"), text, pick(g, 0, 3))
}

func (g generator) link() string {
	return fmt.Sprintf("%016x%016x|%016x|%s|%s|%d", pick(g, g.Uint64(), 0), pick(g, g.Uint64(), 0), pick(g, g.Uint64(), 1, 0),
		pick(g, "", "a=b"), pick(g, "{}", `{"k":"v|w","n":1}`, "null"), pick(g, 0, 7))
}

func (g generator) tags() map[string]string {
	if g.one(8) {
		return nil
	}
	tags := make(map[string]string)
	keys := append([]string{
		"span.kind", "error", "otel.status_code", "otel.status_description", "w3c.tracestate", "otel.scope.name", "otel.scope.version",
		"otel.library.name", "otel.library.version", "otlp.service.name.source", "network.local.address", "net.host.port",
		"service.peer.name", "network.peer.address", "net.peer.port", "otel.zipkin.absentField.startTime", "http.status_code",
		"otlp.link.x", "otlp.link.00", "otlp.link.200", "otlp.link.",
	}, slices.Sorted(maps.Keys(resourceKeys))...)
	for range g.some(8) {
		tags[pick(g, g.word(), pick(g, keys...))] = pick(g, g.word(), g.word(), "internal")
	}
	if _, ok := tags["otlp.service.name.source"]; ok && g.one(2) {
		tags["otlp.service.name.source"] = pick(g, "faas.name", "host.name", "service.name")
	}
	if g.one(2) {
		tags["otel.status_code"] = pick(g, "OK", "ERROR", "Ok", "Error", "STATUS_CODE_OK", "UNSET", "2")
	}
	if g.one(3) {
		tags["error"] = pick(g, "true", "false", "", "no route")
	}
	if g.one(4) {
		for i := range 1 + g.IntN(4) {
			tags[fmt.Sprintf("otlp.link.%d", i)] = pick(g, g.link(), g.link(), g.link(), "a|b", "")
		}
		if g.one(3) {
			delete(tags, "otlp.link.1")
		}
	}
	return tags
}

func (g generator) endpointV2() *model.Endpoint {
	if g.one(4) {
		return nil
	}
	e := &model.Endpoint{ServiceName: pick(g, "shop", "bank", "shop", "", "OTLPResourceNoServiceName", g.word()), Port: pick[uint16](g, 0, 80, 65535)}
	if g.one(2) {
		e.IPv4 = net.IP{10, 0, byte(g.Uint32()), byte(g.Uint32()), 1}[:pick(g, 4, 4, 4, 3, 5)]
	}
	if g.one(3) {
		e.IPv6 = make([]byte, 16)
		for i := range e.IPv6 {
			e.IPv6[i] = pick[byte](g, 0, 0, byte(g.Uint32()))
		}
	}
	return e
}

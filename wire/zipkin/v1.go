package zipkin

import (
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// v1 is what the annotations of a span in version 1 tell of it: there it says
// neither its kind nor its service. As in contrib's zipkinv1/json.go,
// jsonAnnotationsToSpanAndEndpoint.
type v1 struct {
	local     endpoint // of the first core annotation that names a service
	fallback  []byte   // service of the last binary annotation that names one
	component []byte   // value of the last binary annotation "lc"
	times     times
	status    mapper
	error     bool // the slot of error.message has the words of an error
}

// unknownService is contrib's name for a service that is not named.
const unknownService = "unknown-service"

// annotation is an Annotation.
type annotation struct {
	time  int64 // µs
	value []byte
	host  endpoint
}

// annotation takes one in, and writes it as an event unless it is a core one.
func (t *Transcoder) annotation(a *annotation) {
	v := &t.v1
	v.times.add(a)
	if len(a.value) == 0 {
		return
	}
	if kind := coreKind(a.value); kind != otlp.KindUnspecified {
		if named(a.host.service) && v.local.service == nil {
			v.local = a.host
		}
		if t.span.kind == otlp.KindUnspecified {
			t.span.kind = kind
		}
		return
	}
	if t.full() {
		return
	}
	b := &t.out.Builder
	m := b.Open(otlp.SpanEvents, 16+len(a.value))
	b.Fixed64(otlp.EventTime, sinceEpoch(a.time))
	b.Text(otlp.EventName, a.value)
	b.Close(m)
}

func named(service []byte) bool { return len(service) > 0 && string(service) != unknownService }

// coreKind is the kind of a span that has a core annotation (zipkincore.thrift,
// "Annotation.value"), or unspecified for any other.
func coreKind(value []byte) otlp.Kind {
	switch string(value) {
	case "cs", "cr":
		return otlp.KindClient
	case "sr", "ss":
		return otlp.KindServer
	case "ms":
		return otlp.KindProducer
	case "mr":
		return otlp.KindConsumer
	}
	return otlp.KindUnspecified
}

// sinceEpoch makes nanoseconds of microseconds. There is no time before 1970; as
// in contrib, what is too large wraps around.
func sinceEpoch(us int64) uint64 {
	if us <= 0 {
		return 0
	}
	return uint64(us) * 1000
}

// binary takes a binary annotation in, and writes it as an attribute unless it
// means something. service is that of its host, if it has one.
func (t *Transcoder) binary(g *tag, service []byte) {
	v := &t.v1
	if len(service) > 0 {
		v.fallback = service
	}
	if t.full() {
		return
	}
	t.sanitize(g)
	if string(g.key) == "lc" { // local component
		v.component = g.text
		g.key = keyComponent
	}
	if v.status.drops(g) {
		return
	}
	switch string(g.key) {
	case absentStart:
		t.held.put(slotAbsentStart, g)
	case "error.message":
		if !v.error {
			t.held.put(slotErrorMessage, g)
		}
	case "errNegativeDuration":
		t.held.put(slotNegativeDuration, g)
	case "errZeroParentID":
		t.held.put(slotZeroParent, g)
	default:
		t.attribute(g)
	}
}

// sanitize makes an error that is told in words a bool, and keeps the words, as
// the Jaeger Agent did (jaegertracing/jaeger v1.62.0,
// cmd/collector/app/sanitizer/zipkin, errorTagSanitizer).
func (t *Transcoder) sanitize(g *tag) {
	if g.kind == ofBool || !fold(g.key, "error") {
		return
	}
	text := g.text
	*g = tag{key: g.key, kind: ofBool, number: 1}
	switch {
	case len(text) == 0 || fold(text, "true"):
	case fold(text, "false"):
		g.number = 0
	default:
		t.v1.error = true
		t.held.put(slotErrorMessage, &tag{key: keyErrorMessage, text: text})
	}
}

// fold says whether s is a word, in whichever case. The word has small letters
// alone.
func fold(s []byte, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i, c := range s {
		if c|0x20 != word[i] {
			return false
		}
	}
	return true
}

var (
	keyComponent        = []byte("component")
	keyErrorMessage     = []byte("error.message")
	keyNegativeDuration = []byte("errNegativeDuration")
	keyZeroParent       = []byte("errZeroParentID")
	keyServiceName      = []byte("service.name")
	keyIPv4             = []byte("ipv4")
	keyIPv6             = []byte("ipv6")
	keyPort             = []byte("port")
)

// endV1 completes a span of version 1.
func (t *Transcoder) endV1() {
	if t.span.impossible() {
		t.bad()
		return
	}
	b, v, s := &t.out.Builder, &t.v1, &t.span
	start, end := v.times.span(s)
	if start == 0 {
		t.noStart()
	}
	if s.hasDuration && s.duration < 0 {
		text := t.write(func(p []byte) []byte { return strconv.AppendInt(p, s.duration, 10) })
		t.own(slotNegativeDuration, &tag{key: keyNegativeDuration, text: text})
	}
	if s.hasParent && s.parent == 0 {
		t.own(slotZeroParent, &tag{key: keyZeroParent, text: []byte("0")})
	}
	t.held.write(b)
	t.status(v.status.status())
	t.finish(start, end)
	t.resourceV1()
	t.place()
}

func (t *Transcoder) resourceV1() {
	b, v := &t.resource, &t.v1
	service := v.local.service
	if service == nil {
		switch {
		case len(v.fallback) > 0:
			service = v.fallback
		case len(v.component) > 0:
			service = v.component
		default:
			service = []byte(unknownService)
		}
	}
	m := b.Open(otlp.ResourceSpansResource, 64)
	b.StringAttribute(otlp.ResourceAttributes, keyServiceName, service)
	for _, a := range [...]struct {
		key     []byte
		address netip.Addr
	}{{keyIPv4, v.local.ipv4}, {keyIPv6, v.local.ipv6}} {
		if a.address.IsValid() {
			b.StringAttribute(otlp.ResourceAttributes, a.key, t.write(a.address.AppendTo))
		}
	}
	if port := v.local.port; port != 0 {
		text := t.write(func(p []byte) []byte { return strconv.AppendUint(p, uint64(port), 10) })
		b.StringAttribute(otlp.ResourceAttributes, keyPort, text)
	}
	b.Close(m)
}

// setValue sets the value of a binary annotation of Thrift, as contrib has it
// (zipkinv1/thrift.go, thriftBinAnnotationsToSpanAttributes).
func (t *Transcoder) setValue(g *tag, kind int32, value []byte) {
	size := [...]int{annotationI16: 2, annotationI32: 4, annotationI64: 8, annotationDouble: 8}
	g.text = value
	switch kind {
	case annotationBool:
		g.kind = ofBool
		if len(value) == 1 && value[0] == 1 {
			g.number = 1
		}
		return
	case annotationString:
		return
	case annotationBytes:
		g.text = t.write(func(p []byte) []byte { return base64.StdEncoding.AppendEncode(p, value) })
		return
	case annotationI16, annotationI32, annotationI64, annotationDouble:
	default:
		g.text = t.write(func(p []byte) []byte {
			p = append(p, "<unknown zipkin v1 binary annotation type ("...)
			return append(strconv.AppendInt(p, int64(kind), 10), ")>"...)
		})
		return
	}
	if len(value) < size[kind] {
		g.text = []byte("<not enough bytes representing the number>")
		return
	}
	g.kind = ofInt
	switch kind {
	case annotationI16:
		g.number = uint64(int16(binary.BigEndian.Uint16(value)))
	case annotationI32:
		g.number = uint64(int32(binary.BigEndian.Uint32(value)))
	case annotationI64:
		g.number = binary.BigEndian.Uint64(value)
	case annotationDouble:
		g.kind, g.number = ofDouble, binary.BigEndian.Uint64(value)
	}
}

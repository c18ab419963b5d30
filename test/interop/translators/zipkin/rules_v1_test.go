package zipkin

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// ruleV1 is a deliberate difference in version 1: it changes what upstream is given, or what upstream makes of it, into what
// Wayside promises, and says whether it had anything to change. Its example shows that the comparison fails without it.
type ruleV1 struct {
	name, why string
	only      map[int]bool // forms; nil: all
	before    func(*zipkincore.Span) (changed, keep bool)
	after     func(*zipkincore.Span, pcommon.Resource, ptrace.Span) bool
	example   func() request
	form      int // of the example
}

const second = int64(1_000_000) // in µs

func plainV1(change func(*zipkincore.Span)) func() request {
	return func() request {
		s := &zipkincore.Span{
			TraceID: 1, ID: 2, Name: "op", Timestamp: new(10 * second), Duration: new(second),
			Annotations: []*zipkincore.Annotation{{Timestamp: 10 * second, Value: "sr", Host: &zipkincore.Endpoint{
				ServiceName: "svc", Ipv4: 0x0a000001, Port: 80,
			}}},
		}
		change(s)
		return request{s}
	}
}

func text(key, value string) *zipkincore.BinaryAnnotation {
	return &zipkincore.BinaryAnnotation{Key: key, Value: []byte(value), AnnotationType: zipkincore.AnnotationType_STRING}
}

func each[T any](list []T, f func(T) bool) (any bool) {
	for _, v := range list {
		any = f(v) || any
	}
	return any
}

func hosts(s *zipkincore.Span) (all []*zipkincore.Endpoint) {
	for _, a := range s.Annotations {
		if a.Host != nil {
			all = append(all, a.Host)
		}
	}
	for _, b := range s.BinaryAnnotations {
		if b.Host != nil {
			all = append(all, b.Host)
		}
	}
	return all
}

// rulesV1 are applied in this order. The sanitizers stand as the Jaeger Agent had them (jaegertracing/jaeger v1.62.0,
// cmd/collector/app/sanitizer/zipkin, NewStandardSanitizers).
var rulesV1 = []ruleV1{
	{
		name: "spans with impossible ids are left out",
		why:  "a collector may refuse the batch that they are in",
		before: func(s *zipkincore.Span) (bool, bool) {
			bad := s.ID == 0 || s.TraceID|s.GetTraceIDHigh() == 0
			return bad, !bad
		},
		example: plainV1(func(s *zipkincore.Span) { s.TraceID = 0 }),
	},
	{
		name: "a start of 0 is none",
		why:  "no span started in 1970; in JSON upstream sees it so, and the Jaeger Agent did in Thrift",
		only: map[int]bool{0: true, 1: true, 2: true},
		before: func(s *zipkincore.Span) (bool, bool) {
			if s.Timestamp == nil || *s.Timestamp != 0 {
				return false, true
			}
			s.Timestamp = nil
			return true, true
		},
		example: plainV1(func(s *zipkincore.Span) { s.Timestamp, s.Annotations[0].Value = new(int64(0)), "ss" }),
	},
	{
		name: "a start that is missing is that of the annotation cs, or sr of a root",
		why:  "the Jaeger Agent's spanStartTimeSanitizer",
		before: func(s *zipkincore.Span) (bool, bool) {
			if s.GetTimestamp() != 0 {
				return false, true
			}
			said := s.Timestamp
			for _, a := range s.Annotations {
				if a.Value == "cs" {
					s.Timestamp = &a.Timestamp
					break
				}
				if a.Value == "sr" && s.ParentID == nil {
					s.Timestamp = &a.Timestamp
				}
			}
			if s.GetTimestamp() == 0 {
				s.Timestamp = said // an annotation at 0 does not tell it
			}
			return s.Timestamp != said, true
		},
		example: plainV1(func(s *zipkincore.Span) {
			s.Timestamp = nil
			s.Annotations[0].Value = "cs"
			s.Annotations = append(s.Annotations, &zipkincore.Annotation{Timestamp: 5 * second, Value: "early"})
		}),
	},
	{
		name: "a duration that is missing is that between cs and cr, or the first and the last annotation",
		why:  "the Jaeger Agent's spanDurationSanitizer",
		before: func(s *zipkincore.Span) (bool, bool) {
			if s.Duration != nil {
				return false, true
			}
			s.Duration = new(int64(1))
			if n := len(s.Annotations); n >= 2 {
				first, last := s.Annotations[0].Timestamp, s.Annotations[n-1].Timestamp
				for _, a := range s.Annotations {
					switch a.Value {
					case "cs":
						first = a.Timestamp
					case "cr":
						last = a.Timestamp
					}
				}
				if first < last {
					s.Duration = new(last - first)
					if s.GetTimestamp() == 0 && first != 0 {
						s.Timestamp = &first
					}
				}
			}
			return true, true
		},
		example: plainV1(func(s *zipkincore.Span) {
			s.Duration = nil
			s.Annotations = append(s.Annotations, &zipkincore.Annotation{Timestamp: 13 * second, Value: "cr"})
		}),
	},
	{
		name: "a negative duration is 1 µs, and told",
		why:  "the Jaeger Agent's spanDurationSanitizer",
		before: func(s *zipkincore.Span) (bool, bool) {
			if s.GetDuration() >= 0 {
				return false, true
			}
			s.BinaryAnnotations = append(s.BinaryAnnotations, text("errNegativeDuration", strconv.FormatInt(*s.Duration, 10)))
			s.Duration = new(int64(1))
			return true, true
		},
		example: plainV1(func(s *zipkincore.Span) { s.Duration = new(-second) }),
		form:    jsonForm,
	},
	{
		name: "a parent of 0 is none, and told",
		why:  "the Jaeger Agent's parentIDSanitizer",
		before: func(s *zipkincore.Span) (bool, bool) {
			if s.ParentID == nil || *s.ParentID != 0 {
				return false, true
			}
			s.BinaryAnnotations = append(s.BinaryAnnotations, text("errZeroParentID", "0"))
			s.ParentID = nil
			return true, true
		},
		example: plainV1(func(s *zipkincore.Span) { s.ParentID = new(int64(0)) }),
	},
	{
		name: "the words of an error are error.message",
		why:  "the Jaeger Agent's errorTagSanitizer; upstream loses them",
		before: func(s *zipkincore.Span) (changed, keep bool) {
			for _, b := range s.BinaryAnnotations {
				if b.AnnotationType == zipkincore.AnnotationType_BOOL || !strings.EqualFold(b.Key, "error") {
					continue
				}
				said := b.Value
				if b.Key != "error" { // upstream takes it for a tag like any other
					b.AnnotationType, b.Value = zipkincore.AnnotationType_BOOL, []byte{1}
					if strings.EqualFold(string(said), "false") {
						b.Value = []byte{0}
					}
					changed = true
				}
				if v := string(said); v != "" && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
					s.BinaryAnnotations = append(s.BinaryAnnotations, text("error.message", v))
					changed = true
				}
			}
			return changed, true
		},
		example: plainV1(func(s *zipkincore.Span) { s.BinaryAnnotations = append(s.BinaryAnnotations, text("error", "no route")) }),
		form:    jsonForm,
	},
	{
		name: "error=false is no error",
		why:  "the Jaeger Agent's errorTagSanitizer, read by Jaeger",
		before: func(s *zipkincore.Span) (changed, keep bool) {
			return each(s.BinaryAnnotations, func(b *zipkincore.BinaryAnnotation) bool {
				isBool := b.AnnotationType == zipkincore.AnnotationType_BOOL
				no := isBool && string(b.Value) != "\x01" || !isBool && strings.EqualFold(string(b.Value), "false")
				if b.Key != "error" || !no {
					return false
				}
				b.Key = "census.status_code" // of a text that is no number it keeps nothing
				return true
			}), true
		},
		example: plainV1(func(s *zipkincore.Span) {
			s.BinaryAnnotations = append(s.BinaryAnnotations, text("error", "False"))
		}),
	},
	{
		name: "otel.status_code may be a word",
		why:  "OpenTelemetry's specification (trace/sdk_exporters/zipkin.md) writes OK and ERROR",
		before: func(s *zipkincore.Span) (bool, bool) {
			return each(s.BinaryAnnotations, func(b *zipkincore.BinaryAnnotation) bool {
				code, ok := map[string]string{"OK": "1", "Ok": "1", "ERROR": "2", "Error": "2", "UNSET": "0", "Unset": "0"}[string(b.Value)]
				if b.Key != "otel.status_code" || !ok || b.AnnotationType != zipkincore.AnnotationType_STRING {
					return false
				}
				b.Value = []byte(code)
				return true
			}), true
		},
		example: plainV1(func(s *zipkincore.Span) {
			s.BinaryAnnotations = append(s.BinaryAnnotations, text("otel.status_code", "ERROR"))
		}),
		form: jsonForm,
	},
	{
		name: "integers keep their sign",
		why:  "Thrift's are signed; upstream makes -1 65535",
		before: func(s *zipkincore.Span) (bool, bool) {
			return each(s.BinaryAnnotations, func(b *zipkincore.BinaryAnnotation) bool {
				var v int64
				switch {
				case b.AnnotationType == zipkincore.AnnotationType_I16 && len(b.Value) >= 2:
					v = int64(int16(binary.BigEndian.Uint16(b.Value)))
				case b.AnnotationType == zipkincore.AnnotationType_I32 && len(b.Value) >= 4:
					v = int64(int32(binary.BigEndian.Uint32(b.Value)))
				}
				if v >= 0 {
					return false
				}
				b.AnnotationType, b.Value = zipkincore.AnnotationType_I64, binary.BigEndian.AppendUint64(nil, uint64(v))
				return true
			}), true
		},
		example: plainV1(func(s *zipkincore.Span) {
			s.BinaryAnnotations = append(s.BinaryAnnotations,
				&zipkincore.BinaryAnnotation{Key: "n", Value: []byte{0xff, 0xfe}, AnnotationType: zipkincore.AnnotationType_I16})
		}),
	},
	{
		name: "a host without a name takes no name away",
		why:  "the last binary annotation's host names the service where no annotation does, as upstream has it in JSON",
		only: map[int]bool{0: true, 1: true, 2: true},
		before: func(s *zipkincore.Span) (bool, bool) {
			named := false
			return each(s.BinaryAnnotations, func(b *zipkincore.BinaryAnnotation) bool {
				if b.Host == nil || b.Host.ServiceName != "" {
					named = named || b.Host != nil
					return false
				}
				b.Host = nil
				return named
			}), true
		},
		example: plainV1(func(s *zipkincore.Span) {
			s.Annotations = nil
			a, b := text("a", "1"), text("b", "2")
			a.Host, b.Host = &zipkincore.Endpoint{ServiceName: "svc"}, &zipkincore.Endpoint{}
			s.BinaryAnnotations = append(s.BinaryAnnotations, a, b)
		}),
	},
	{
		name: "addresses that are none are left out",
		why:  "upstream writes their bytes after a question mark; in JSON it takes any text for an address",
		before: func(s *zipkincore.Span) (bool, bool) {
			return each(hosts(s), func(e *zipkincore.Endpoint) bool {
				if n := len(e.Ipv6); n == 0 || n == 4 || n == 16 {
					return false
				}
				e.Ipv6 = nil
				return true
			}), true
		},
		example: plainV1(func(s *zipkincore.Span) { s.Annotations[0].Host.Ipv6 = []byte{1, 2, 3} }),
	},
	{
		name: "ports have no sign",
		why:  "Thrift has no unsigned numbers; upstream makes -25536 of port 40000",
		only: map[int]bool{0: true, 1: true, 2: true},
		after: func(_ *zipkincore.Span, r pcommon.Resource, _ ptrace.Span) bool {
			port, ok := r.Attributes().Get("port")
			if !ok || !strings.HasPrefix(port.Str(), "-") {
				return false
			}
			n, _ := strconv.Atoi(port.Str())
			port.SetStr(strconv.Itoa(n + 1<<16))
			return true
		},
		example: plainV1(func(s *zipkincore.Span) { s.Annotations[0].Host.Port = -25536 }),
	},
	{
		name: "a start that nobody tells is 1970, and told",
		why:  "upstream tells it in JSON alone, and puts its own clock's time there; the translation has no clock",
		after: func(z *zipkincore.Span, _ pcommon.Resource, s ptrace.Span) bool {
			const key = "otel.zipkin.absentField.startTime"
			started := z.GetTimestamp()
			noted := int64(-1 << 63)
			for _, a := range z.Annotations {
				if a.Value != "" {
					noted = max(noted, a.Timestamp)
				}
			}
			_, now := s.Attributes().Get(key) // upstream's clock
			if s.StartTimestamp() != 0 && !now {
				return false
			}
			end := started + z.GetDuration()
			if started == 0 && noted != -1<<63 {
				end = noted
			}
			s.SetStartTimestamp(0)
			s.SetEndTimestamp(pcommon.Timestamp(max(end, 0) * 1000))
			s.Attributes().PutBool(key, true)
			return true
		},
		example: plainV1(func(s *zipkincore.Span) { s.Timestamp, s.Annotations = nil, nil }),
	},
	{
		name: "invalid UTF-8 is replaced",
		why:  "receivers refuse a whole batch for it",
		only: map[int]bool{0: true, 1: true, 2: true},
		before: func(s *zipkincore.Span) (bool, bool) {
			changed := false
			fix := func(v string) string {
				w := strings.ToValidUTF8(v, "\ufffd")
				changed = changed || v != w
				return w
			}
			s.Name = fix(s.Name)
			for _, a := range s.Annotations {
				a.Value = fix(a.Value)
			}
			for _, b := range s.BinaryAnnotations {
				b.Key = fix(b.Key)
				if b.AnnotationType == zipkincore.AnnotationType_STRING {
					b.Value = []byte(fix(string(b.Value)))
				}
			}
			for _, e := range hosts(s) {
				e.ServiceName = fix(e.ServiceName)
			}
			return changed, true
		},
		example: plainV1(func(s *zipkincore.Span) { s.Name = "a\xff\xfeb" }),
	},
}

func spanID(v int64) (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(v))
	return id
}

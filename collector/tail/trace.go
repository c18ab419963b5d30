package tail

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Trace is the spans of one trace that came in together.
type Trace struct {
	ID    [16]byte
	Spans []Span // as they arrived; a span that was delivered twice is here twice
	// LeftOut counts spans that are not in Spans because they were too many.
	LeftOut int
	// Late says that other spans of this trace were shown before.
	Late bool
	// Going says that spans were still arriving when the trace was closed.
	Going bool

	resources  [][]byte       // JSON objects; Span.resource is an index
	resourceAt map[string]int // where each is
	bytes      int            // memory that all of this takes, about
	errors     int            // spans that failed
}

// Span is what is shown of a span. Its strings are its own.
type Span struct {
	ID, Parent [8]byte // a Parent of zeros: a root
	Service    string
	Name       string
	Kind       otlp.Kind
	Start, End uint64 // ns since 1970
	Failed     bool
	Message    string // of a span that failed; may be empty

	resource int
	detail   []byte // members of a JSON object, with a comma before each
}

// maxText is the longest string that is kept for a terminal, in bytes: wider
// than any line.
const maxText = 512

// overhead is about what a Span costs beside its strings, in bytes, growing
// slices included.
const overhead = 256

// root says whether the span has no parent.
func (s *Span) root() bool { return s.Parent == [8]byte{} }

// duration is in nanoseconds; a span that ends before it starts has none.
func (s *Span) duration() uint64 { return s.End - min(s.Start, s.End) }

// whole says whether a root is here, and the parent of every other span.
func (t *Trace) whole() bool {
	ids := make(map[[8]byte]struct{}, len(t.Spans))
	for i := range t.Spans {
		ids[t.Spans[i].ID] = struct{}{}
	}
	rooted := false
	for i := range t.Spans {
		s := &t.Spans[i]
		if s.root() {
			rooted = true
		} else if _, here := ids[s.Parent]; !here {
			return false
		}
	}
	return rooted && t.LeftOut == 0
}

// add keeps a span, if that takes no more than room bytes, and returns how many
// it takes; 0 when it was one too many.
func (t *Trace) add(v *otlp.Span, detail bool, room int) int {
	s := shortSpan(v)
	var resource []byte
	known := true
	if detail {
		s.Service, s.Name = string(v.Service()), string(v.Name)
		if s.Failed {
			s.Message = string(reason(v))
		}
		s.detail = appendDetail(nil, v)
		resource = appendAttributes(nil, v.Resource)
		s.resource, known = t.resourceAt[string(resource)]
	}
	size := overhead + len(s.Service) + len(s.Name) + len(s.Message) + cap(s.detail)
	if !known {
		size += 2*len(resource) + overhead
	}
	if size > room {
		return 0
	}
	if !known {
		if t.resourceAt == nil {
			t.resourceAt = map[string]int{}
		}
		s.resource = len(t.resources)
		t.resourceAt[string(resource)] = s.resource
		t.resources = append(t.resources, resource)
	}
	t.Spans = append(t.Spans, s)
	t.bytes += size
	if s.Failed {
		t.errors++
	}
	return size
}

// shortSpan copies what a terminal shows of a span.
func shortSpan(v *otlp.Span) Span {
	s := Span{
		ID: v.SpanID, Parent: v.Parent, Kind: v.Kind, Start: v.Start, End: v.End,
		Service: cut(v.Service()), Name: cut(v.Name),
		Failed: v.Status == otlp.StatusError,
	}
	if s.Failed {
		s.Message = cut(reason(v))
	}
	return s
}

func cut(s []byte) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(string(s), "")
}

// reason says why a span failed: the message of its status, else what an
// exception or error event says, else the HTTP status. The keys are those of
// OpenTelemetry's and OpenTracing's semantic conventions.
func reason(v *otlp.Span) []byte {
	if len(v.Message) > 0 {
		return v.Message
	}
	for e := range v.Events() {
		for _, key := range []string{"exception.message", "message", "error.object", "exception.type", "error.kind"} {
			if a, ok := e.Attributes.Get(key); ok && a.Type == otlp.AnyString && len(a.Bytes) > 0 {
				return a.Bytes
			}
		}
	}
	for _, key := range []string{"http.status_code", "http.response.status_code"} {
		if a, ok := v.Attributes.Get(key); ok && a.Type == otlp.AnyInt {
			return strconv.AppendInt([]byte("HTTP "), a.Int, 10)
		}
	}
	return nil
}

// hexID is a trace id as Jaeger writes it: 32 digits, or 16 when the first
// half is zero.
func hexID(id [16]byte) string {
	if bytes.Equal(id[:8], make([]byte, 8)) {
		return hex.EncodeToString(id[8:])
	}
	return hex.EncodeToString(id[:])
}

func spanID(id [8]byte) string { return hex.EncodeToString(id[:]) }

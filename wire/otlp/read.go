package otlp

import (
	"iter"
	"math"
)

// Span is a view of one span of a frame. All byte slices alias the frame.
type Span struct {
	Resource   Attributes
	ScopeName  []byte
	ScopeVer   []byte
	TraceID    [16]byte
	SpanID     [8]byte
	Parent     [8]byte // all zero: a root
	TraceState []byte
	Name       []byte
	Kind       Kind
	Start, End uint64 // ns since 1970
	Status     int    // StatusUnset, StatusOK, StatusError
	Message    []byte // of the status
	Attributes Attributes
	msg        []byte
}

// Event is a view of something that happened during a span.
type Event struct {
	Time       uint64 // ns since 1970
	Name       []byte
	Attributes Attributes
}

// Link is a view of a link to another span.
type Link struct {
	TraceID    [16]byte
	SpanID     [8]byte
	TraceState []byte
	Attributes Attributes
}

// Spans yields the spans of a frame that Check has passed, in the order in
// which they stand. The Span is used again for the next one.
func Spans(frame []byte) iter.Seq[*Span] {
	return func(yield func(*Span) bool) {
		var s Span
		for rs := range fields(frame, RequestResourceSpans) {
			resource := Attributes{field: ResourceAttributes}
			for f := range fields(rs.data, ResourceSpansResource) {
				resource.msg = f.data
			}
			for ss := range fields(rs.data, ResourceSpansScopeSpans) {
				var name, version []byte
				for scope := range fields(ss.data, ScopeSpansScope) {
					name, version = readScope(scope.data)
				}
				for f := range fields(ss.data, ScopeSpansSpans) {
					s = Span{Resource: resource, ScopeName: name, ScopeVer: version}
					s.read(f.data)
					if !yield(&s) {
						return
					}
				}
			}
		}
	}
}

func readScope(msg []byte) (name, version []byte) {
	for f := range fields(msg, 0) {
		switch f.number {
		case ScopeName:
			name = f.data
		case ScopeVersion:
			version = f.data
		}
	}
	return name, version
}

func (s *Span) read(msg []byte) {
	s.msg = msg
	s.Attributes = Attributes{msg: msg, field: SpanAttributes}
	for f := range fields(msg, 0) {
		switch f.number {
		case SpanTraceID:
			copy(s.TraceID[:], f.data)
		case SpanSpanID:
			copy(s.SpanID[:], f.data)
		case SpanParentSpanID:
			copy(s.Parent[:], f.data)
		case SpanTraceState:
			s.TraceState = f.data
		case SpanName:
			s.Name = f.data
		case SpanKind:
			s.Kind = Kind(f.value)
		case SpanStart:
			s.Start = f.value
		case SpanEnd:
			s.End = f.value
		case SpanStatus:
			for g := range fields(f.data, 0) {
				switch g.number {
				case StatusMessage:
					s.Message = g.data
				case StatusCode:
					s.Status = int(g.value)
				}
			}
		}
	}
}

// Service is the resource's service.name, or nil.
func (s *Span) Service() []byte {
	v, _ := s.Resource.Get("service.name")
	return v.Bytes
}

// Events yields the span's events.
func (s *Span) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for m := range fields(s.msg, SpanEvents) {
			e := Event{Attributes: Attributes{msg: m.data, field: EventAttributes}}
			for f := range fields(m.data, 0) {
				switch f.number {
				case EventTime:
					e.Time = f.value
				case EventName:
					e.Name = f.data
				}
			}
			if !yield(e) {
				return
			}
		}
	}
}

// Links yields the span's links.
func (s *Span) Links() iter.Seq[Link] {
	return func(yield func(Link) bool) {
		for m := range fields(s.msg, SpanLinks) {
			l := Link{Attributes: Attributes{msg: m.data, field: LinkAttributes}}
			for f := range fields(m.data, 0) {
				switch f.number {
				case LinkTraceID:
					copy(l.TraceID[:], f.data)
				case LinkSpanID:
					copy(l.SpanID[:], f.data)
				case LinkTraceState:
					l.TraceState = f.data
				}
			}
			if !yield(l) {
				return
			}
		}
	}
}

// Attributes is a view of the attributes in a message.
type Attributes struct {
	msg   []byte
	field int
}

// All yields keys and values in the order in which they stand.
func (a Attributes) All() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) {
		var f field
		for rest := a.msg; len(rest) > 0; {
			var err error
			if rest, err = f.next(rest); err != nil || f.number == a.field && !yield(readKeyValue(f.data)) {
				return
			}
		}
	}
}

func readKeyValue(msg []byte) (key []byte, value Value) {
	for f, rest, ok := Next(msg); ok; f, rest, ok = Next(rest) {
		switch f.Number {
		case KeyValueKey:
			key = f.Data
		case KeyValueValue:
			value = readValue(f.Data)
		}
	}
	return key, value
}

// Get returns the first value with a key.
func (a Attributes) Get(key string) (Value, bool) {
	for k, v := range a.All() {
		if string(k) == key {
			return v, true
		}
	}
	return Value{}, false
}

// Value is a view of an AnyValue.
type Value struct {
	// Type is the number of the field that is set (AnyString … AnyBytes);
	// 0 when none is.
	Type   int
	Bytes  []byte  // of AnyString and AnyBytes; the message of AnyArray and AnyKVList
	Int    int64   // of AnyInt; 0 or 1 of AnyBool
	Double float64 // of AnyDouble
}

func readValue(msg []byte) (v Value) {
	for f, rest, ok := Next(msg); ok; f, rest, ok = Next(rest) {
		switch f.Number {
		case AnyString, AnyBytes, AnyArray, AnyKVList:
			v = Value{Type: f.Number, Bytes: f.Data}
		case AnyInt, AnyBool:
			v = Value{Type: f.Number, Int: int64(f.Value)}
		case AnyDouble:
			v = Value{Type: f.Number, Double: math.Float64frombits(f.Value)}
		}
	}
	return v
}

// List yields the values of an AnyArray.
func (v Value) List() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Type != AnyArray {
			return
		}
		for f := range fields(v.Bytes, 1) {
			if !yield(readValue(f.data)) {
				return
			}
		}
	}
}

// Map is the content of an AnyKVList.
func (v Value) Map() Attributes {
	if v.Type != AnyKVList {
		return Attributes{}
	}
	return Attributes{msg: v.Bytes, field: 1}
}

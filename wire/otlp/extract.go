package otlp

// Count returns the number of spans in a frame that Check has passed.
func Count(frame []byte) (spans int) {
	for rs := range fields(frame, RequestResourceSpans) {
		for ss := range fields(rs.data, ResourceSpansScopeSpans) {
			for range fields(ss.data, ScopeSpansSpans) {
				spans++
			}
		}
	}
	return spans
}

// Extract appends to dst a frame of the spans [from, to) of a frame that Check
// has passed, counted from 0 in the order in which they stand. What spans have
// in common, their resource and their scope, is repeated; a resource or scope
// of which no span is wanted is left out.
func Extract(dst, frame []byte, from, to int) []byte {
	x := extractor{out: Builder{buf: dst}, from: from, to: to}
	for rs := range fields(frame, RequestResourceSpans) {
		x.resourceSpans(rs)
	}
	return x.out.buf
}

type extractor struct {
	out      Builder
	at       int // number of the next span
	from, to int
}

func (x *extractor) resourceSpans(rs field) {
	n := 0
	for ss := range fields(rs.data, ResourceSpansScopeSpans) {
		n += count(ss.data, ScopeSpansSpans)
	}
	if !x.part(rs, n) {
		return
	}
	m := x.out.Open(RequestResourceSpans, len(rs.data))
	for f := range fields(rs.data, 0) {
		if f.number != ResourceSpansScopeSpans {
			x.out.Raw(f.raw)
			continue
		}
		x.scopeSpans(f)
	}
	x.out.Close(m)
}

func (x *extractor) scopeSpans(ss field) {
	if !x.part(ss, count(ss.data, ScopeSpansSpans)) {
		return
	}
	m := x.out.Open(ResourceSpansScopeSpans, len(ss.data))
	for f := range fields(ss.data, 0) {
		if f.number != ScopeSpansSpans {
			x.out.Raw(f.raw)
			continue
		}
		if x.at >= x.from && x.at < x.to {
			x.out.Raw(f.raw)
		}
		x.at++
	}
	x.out.Close(m)
}

// part deals with a field of n spans that is wanted whole or not at all, and
// says whether it is wanted in part.
func (x *extractor) part(f field, n int) bool {
	switch first, end := x.at, x.at+n; {
	case end <= x.from || first >= x.to:
	case first >= x.from && end <= x.to:
		x.out.Raw(f.raw)
	default:
		return true
	}
	x.at += n
	return false
}

func count(msg []byte, number int) (n int) {
	for range fields(msg, number) {
		n++
	}
	return n
}

// fields yields the fields with a number, or all for number 0, of a message
// that Check has passed. It stops where the message is malformed.
func fields(msg []byte, number int) func(yield func(field) bool) {
	return func(yield func(field) bool) {
		var f field
		for len(msg) > 0 {
			rest, err := f.next(msg)
			if err != nil {
				return
			}
			msg = rest
			if (number == 0 || f.number == number) && !yield(f) {
				return
			}
		}
	}
}

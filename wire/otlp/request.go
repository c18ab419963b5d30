package otlp

import (
	"errors"
	"fmt"
	"iter"
)

// ErrTooBig is wrapped by the error for a request that can't be cut into
// frames: a span does not fit into one, or what its spans have in common takes
// more than half of each.
var ErrTooBig = errors.New("too big for a frame")

// Request is an ExportTraceServiceRequest that may enter a buffer. Its bytes
// are those that it was read from: they must stay as they are while it is used.
type Request struct {
	// Spans is the number of spans in it.
	Spans int

	bytes []byte
	limit int  // of a frame, in bytes
	frame bool // it is a frame as it came
}

// ReadRequest checks a request, once over its bytes as Check does. A request
// that is larger than a frame is also looked through, span by span but not into
// them, for what could not be cut. The error wraps ErrMalformed or ErrTooBig:
// nothing of the request may be kept.
func ReadRequest(request []byte) (Request, error) { return readRequest(request, MaxFrame) }

func readRequest(request []byte, limit int) (Request, error) {
	c, err := check(request)
	if err != nil {
		return Request{}, err
	}
	r := Request{Spans: c.spans, bytes: request, limit: limit, frame: len(request) <= limit && !c.unknown}
	if len(request) <= limit {
		return r, nil
	}
	for rs := range fields(request, RequestResourceSpans) {
		if len(rs.raw) <= limit {
			continue
		}
		if err := cuttable(rs.data, limit); err != nil {
			return Request{}, err
		}
	}
	return r, nil
}

// cuttable says whether a ResourceSpans can be cut into frames. What is written
// again into each frame, a resource and a scope, may take half of it. So any
// two frames, one after the other, hold half a frame of what is written once,
// since the second one begins with what the first had no room for; and all of
// them together are at most four times as long as the request. Without that
// rule, 4 MiB of small spans beside a resource of nearly a frame would become
// gigabytes.
func cuttable(rs []byte, limit int) error {
	resource := common(rs, ResourceSpansScopeSpans)
	room := limit - headLen(limit) - resource
	for ss := range fields(rs, ResourceSpansScopeSpans) {
		if count(ss.data, ScopeSpansSpans) == 0 {
			continue
		}
		if resource > limit/2 {
			return fmt.Errorf("%w: a resource of %d bytes beside %d bytes of spans", ErrTooBig, resource, len(rs)-resource)
		}
		if len(ss.raw) <= room {
			continue
		}
		scope := common(ss.data, ScopeSpansSpans)
		if resource+scope > limit/2 {
			return fmt.Errorf("%w: a resource and a scope of %d bytes beside %d bytes of spans",
				ErrTooBig, resource+scope, len(ss.data)-scope)
		}
		for s := range fields(ss.data, ScopeSpansSpans) {
			if len(s.raw) > room-headLen(limit)-scope {
				return fmt.Errorf("%w: a span of %d bytes", ErrTooBig, len(s.raw))
			}
		}
	}
	return nil
}

// common is how many bytes of a message are in other fields than one.
func common(msg []byte, number int) (n int) {
	n = len(msg)
	for f := range fields(msg, number) {
		n -= len(f.raw)
	}
	return n
}

// headLen is how many bytes the tag and the length of a message take that may
// be as long as a frame.
func headLen(limit int) int { return 1 + sizeVarint(uint64(limit)) }

// Frames yields the request as frames of at most MaxFrame, with the number of
// spans in each, in the order in which they stand in the request. A request
// that is not larger is one frame, and it is not copied. Otherwise it is cut
// between ResourceSpans where that is enough, and else between spans; then
// their resource and scope are in each of the frames. Unknown fields at the top
// are left out, and so are resources and scopes without spans where that saves
// a frame.
//
// A frame aliases the request or the cutter's memory, and is valid until the
// next one.
func (r Request) Frames(c *Cutter) iter.Seq2[[]byte, int] {
	return func(yield func([]byte, int) bool) {
		switch {
		case r.Spans == 0:
		case r.frame:
			yield(r.bytes, r.Spans)
		default:
			c.request(r, yield)
		}
	}
}

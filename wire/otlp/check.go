package otlp

import "fmt"

// MaxDepth is how deep messages may be nested. Decoders have limits of their
// own (protobuf for Java: 100); an attribute costs two levels for each list
// that it stands in.
const MaxDepth = 64

// Check walks once over a request and returns the number of spans in it. A
// request that passes is safe to be put into one batch with those of other
// senders: any protobuf decoder takes it. It is refused, with an error that
// wraps ErrMalformed, for
//
//   - a field that is cut off, or a known field with another wire type;
//   - groups (wire types 3 and 4) and field 1000 of ResourceSpans, which held
//     spans before OTLP 0.9 and which decoders treat differently;
//   - a span whose trace id is not 16 bytes or whose span id is not 8 bytes,
//     or which are all zero; a parent or link whose ids have another length
//     (none is fine);
//   - strings that are not UTF-8;
//   - messages nested more than 64 deep.
//
// Unknown fields are let through.
func Check(request []byte) (spans int, err error) {
	c, err := check(request)
	return c.spans, err
}

func check(request []byte) (checker, error) {
	c := checker{}
	if err := c.message(request, msgRequest, 0); err != nil {
		return checker{}, err
	}
	return c, nil
}

// A kind of message, as an index into schema.
type msgKind uint8

const (
	msgRequest msgKind = iota
	msgResourceSpans
	msgResource
	msgEntityRef
	msgScopeSpans
	msgScope
	msgSpan
	msgEvent
	msgLink
	msgStatus
	msgKeyValue
	msgAnyValue
	msgArray
	msgKVList
)

// content is what a known field must hold.
type content uint8

const (
	unknown content = iota
	message         // of the kind in rule.msg
	text            // UTF-8
	blob            // any bytes
	varint          // uint32, uint64, int64, bool, enum
	fixed32
	fixed64  // and double
	traceID  // 16 bytes, not all zero
	spanID   // 8 bytes, not all zero
	optTrace // 16 bytes, or none
	optSpan  // 8 bytes, or none
)

var wireOf = [...]int{
	message: wireBytes, text: wireBytes, blob: wireBytes,
	varint: wireVarint, fixed32: wireFixed32, fixed64: wireFixed64,
	traceID: wireBytes, spanID: wireBytes, optTrace: wireBytes, optSpan: wireBytes,
}

type rule struct {
	content content
	msg     msgKind
}

// schema holds, by kind of message and number of field, what the field must
// hold. Source: opentelemetry-proto v1.9.0.
var schema = [...][17]rule{
	msgRequest: {1: {message, msgResourceSpans}},
	msgResourceSpans: {
		ResourceSpansResource:   {message, msgResource},
		ResourceSpansScopeSpans: {message, msgScopeSpans},
		ResourceSpansSchemaURL:  {content: text},
	},
	msgResource: {
		ResourceAttributes:        {message, msgKeyValue},
		ResourceDroppedAttributes: {content: varint},
		ResourceEntityRefs:        {message, msgEntityRef},
	},
	msgEntityRef: {
		EntityRefSchemaURL: {content: text}, EntityRefType: {content: text},
		EntityRefIDKeys: {content: text}, EntityRefDescriptionKeys: {content: text},
	},
	msgScopeSpans: {
		ScopeSpansScope:     {message, msgScope},
		ScopeSpansSpans:     {message, msgSpan},
		ScopeSpansSchemaURL: {content: text},
	},
	msgScope: {
		ScopeName: {content: text}, ScopeVersion: {content: text},
		ScopeAttributes: {message, msgKeyValue}, ScopeDroppedAttributes: {content: varint},
	},
	msgSpan: {
		SpanTraceID: {content: traceID}, SpanSpanID: {content: spanID},
		SpanTraceState: {content: text}, SpanParentSpanID: {content: optSpan},
		SpanName: {content: text}, SpanKind: {content: varint},
		SpanStart: {content: fixed64}, SpanEnd: {content: fixed64},
		SpanAttributes: {message, msgKeyValue}, SpanDroppedAttributes: {content: varint},
		SpanEvents: {message, msgEvent}, SpanDroppedEvents: {content: varint},
		SpanLinks: {message, msgLink}, SpanDroppedLinks: {content: varint},
		SpanStatus: {message, msgStatus}, SpanFlags: {content: fixed32},
	},
	msgEvent: {
		EventTime: {content: fixed64}, EventName: {content: text},
		EventAttributes: {message, msgKeyValue}, EventDroppedAttributes: {content: varint},
	},
	msgLink: {
		LinkTraceID: {content: optTrace}, LinkSpanID: {content: optSpan}, LinkTraceState: {content: text},
		LinkAttributes: {message, msgKeyValue}, LinkDroppedAttributes: {content: varint}, LinkFlags: {content: fixed32},
	},
	msgStatus:   {StatusMessage: {content: text}, StatusCode: {content: varint}},
	msgKeyValue: {KeyValueKey: {content: text}, KeyValueValue: {message, msgAnyValue}},
	msgAnyValue: {
		AnyString: {content: text}, AnyBool: {content: varint}, AnyInt: {content: varint}, AnyDouble: {content: fixed64},
		AnyArray: {message, msgArray}, AnyKVList: {message, msgKVList}, AnyBytes: {content: blob},
	},
	msgArray:  {ArrayValues: {message, msgAnyValue}},
	msgKVList: {KVListValues: {message, msgKeyValue}},
}

// instrumentationLibrarySpans is the deprecated field of ResourceSpans.
const instrumentationLibrarySpans = 1000

type checker struct {
	spans   int
	unknown bool // there are unknown fields at the top
}

func (c *checker) message(msg []byte, kind msgKind, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("%w: messages nested more than %d deep", ErrMalformed, MaxDepth)
	}
	rules := &schema[kind]
	var ids uint8 // bit 0: a trace id was seen, bit 1: a span id
	for len(msg) > 0 {
		var number int
		var data []byte
		wire := wireBytes
		if n := short(msg); n > 0 {
			number, data, msg = int(msg[0]>>3), msg[2:n], msg[n:]
		} else {
			var f field
			rest, err := f.next(msg)
			if err != nil {
				return err
			}
			number, wire, data, msg = f.number, f.wire, f.data, rest
		}
		if number >= len(rules) {
			if number == instrumentationLibrarySpans && kind == msgResourceSpans {
				return fmt.Errorf("%w: spans in the deprecated field %d", ErrMalformed, number)
			}
			c.unknown = c.unknown || kind == msgRequest
			continue
		}
		r := rules[number]
		if r.content == unknown {
			c.unknown = c.unknown || kind == msgRequest
			continue
		}
		if wire != wireOf[r.content] {
			return fmt.Errorf("%w: field %d has wire type %d, not %d", ErrMalformed, number, wire, wireOf[r.content])
		}
		switch r.content {
		case message:
			if r.msg == msgKeyValue && depth+2 <= MaxDepth && plain(data) {
				continue
			}
			if err := c.message(data, r.msg, depth+1); err != nil {
				return err
			}
		case text:
			if !Valid(data) {
				return fmt.Errorf("%w: a string that is not UTF-8", ErrMalformed)
			}
		case traceID:
			if len(data) != 16 || zero(data) {
				return badID("trace id", data)
			}
			ids |= 1
		case spanID:
			if len(data) != 8 || zero(data) {
				return badID("span id", data)
			}
			ids |= 2
		case optTrace:
			if len(data) != 16 && len(data) != 0 {
				return badID("link's trace id", data)
			}
		case optSpan:
			if len(data) != 8 && len(data) != 0 {
				return badID("parent's or link's span id", data)
			}
		case unknown, blob, varint, fixed32, fixed64:
		}
	}
	if kind == msgSpan {
		if ids != 3 {
			return fmt.Errorf("%w: a span without its ids", ErrMalformed)
		}
		c.spans++
	}
	return nil
}

// short is how many bytes a field takes that begins msg and is of the kind that
// most are: a string, bytes or a message of under 128 bytes, with a number below
// 16. It is 0 for others, and for what is malformed.
func short(msg []byte) int {
	if len(msg) < 2 || msg[0]&0x87 != wireBytes || msg[0] < 1<<3 || msg[1] >= 0x80 || int(msg[1])+2 > len(msg) {
		return 0
	}
	return int(msg[1]) + 2
}

// badID says what is wrong with an id, but not what it is: it may be megabytes.
func badID(what string, id []byte) error {
	if len(id) > 0 && zero(id) {
		return fmt.Errorf("%w: a %s of %d zero bytes", ErrMalformed, what, len(id))
	}
	return fmt.Errorf("%w: a %s of %d bytes", ErrMalformed, what, len(id))
}

func zero(p []byte) bool {
	for _, c := range p {
		if c != 0 {
			return false
		}
	}
	return true
}

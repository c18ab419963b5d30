package zipkin

import (
	"net/netip"

	"github.com/wayside-tracing/wayside/wire/json"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// JSON1 transcodes the body of a request to /api/v1/spans in JSON: a list of
// spans in version 1.
func (t *Transcoder) JSON1(body []byte, put func([]byte, int) error) (Result, error) {
	return t.jsonSpans(body, put, t.spanJSON1)
}

// JSON2 transcodes the body of a request to /api/v2/spans in JSON: a list of
// spans in version 2.
func (t *Transcoder) JSON2(body []byte, put func([]byte, int) error) (Result, error) {
	return t.jsonSpans(body, put, t.spanJSON2)
}

// jsonSpans reads a list of spans. One that is not as it should be, though it is
// JSON, is left out: the rest of it is skipped.
func (t *Transcoder) jsonSpans(body []byte, put func([]byte, int) error, span func()) (Result, error) {
	t.begin(put)
	r := &t.json
	r.ResetLoose(body)
	for ok := r.First('[', ']'); ok && t.err == nil; ok = r.Next(']') {
		r.Peek()
		start := r.Offset()
		if span(); !r.OK() {
			r.Retry(start)
			r.Skip()
			t.bad()
		}
	}
	if t.err == nil {
		r.End()
	}
	err := r.Err()
	r.Reset(nil)
	return t.end(err)
}

func (t *Transcoder) spanJSON2() {
	t.openV2()
	r, s := &t.json, &t.span
	var seen names
	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
		name := seen.read(r)
		if r.Null() {
			continue
		}
		switch name {
		case nameTimestamp:
			s.start = int64(r.Unsigned(64))
		case nameDuration:
			s.duration = int64(r.Unsigned(64))
		case nameKind:
			s.kind = kindOf(r.Text())
		case nameLocalEndpoint:
			t.jsonEndpoint(&t.v2.local)
		case nameRemoteEndpoint:
			t.jsonEndpoint(&t.v2.remote)
		case nameAnnotations:
			for ok := r.First('[', ']'); ok; ok = r.Next(']') {
				var a annotation
				if t.jsonAnnotation(&a) {
					t.event(a.time, a.value)
				}
			}
		case nameTags:
			t.jsonTags()
		default:
			t.jsonMember(name)
		}
	}
	if r.OK() {
		t.endV2()
	}
}

// jsonTags reads an object of strings. Some clients write numbers and bools as
// such: then it is their text that counts.
func (t *Transcoder) jsonTags() {
	r := &t.json
	t.keys.Begin()
	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
		key := r.Key()
		if r.Escaped() {
			key = t.keep(key)
		}
		var value []byte
		switch r.Peek() {
		case '"':
			value = t.jsonText()
		case 'n':
			r.Null()
		case 't', 'f':
			value = []byte("false")
			if r.Truth() {
				value = []byte("true")
			}
		default:
			value = r.Literal()
		}
		if r.OK() {
			t.tag(key, value)
		}
	}
	t.keys.End(&t.out.Builder)
}

func (t *Transcoder) spanJSON1() {
	t.open()
	t.v1 = v1{}
	r, s := &t.json, &t.span
	var seen names
	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
		name := seen.read(r)
		if r.Null() {
			continue
		}
		switch name {
		case nameTimestamp:
			s.start = r.Signed(64)
		case nameDuration:
			s.duration, s.hasDuration = r.Signed(64), true
		case nameAnnotations:
			for ok := r.First('[', ']'); ok; ok = r.Next(']') {
				var a annotation
				if t.jsonAnnotation(&a) {
					t.annotation(&a)
				}
			}
		case nameBinaryAnnotations:
			t.jsonBinaries()
		default:
			t.jsonMember(name)
		}
	}
	if r.OK() {
		t.endV1()
	}
}

func (t *Transcoder) jsonBinaries() {
	r := &t.json
	t.keys.Begin()
	for ok := r.First('[', ']'); ok; ok = r.Next(']') {
		if r.Null() {
			continue
		}
		var (
			g    tag
			host endpoint
			seen names
		)
		for ok := r.First('{', '}'); ok; ok = r.Next('}') {
			name := seen.read(r)
			if r.Null() {
				continue
			}
			switch name {
			case nameKey:
				g.key = t.jsonText()
			case nameValue:
				t.jsonValue(&g)
			case nameEndpoint:
				t.jsonEndpoint(&host)
			default:
				r.Skip()
			}
		}
		if r.OK() {
			t.binary(&g, host.service)
		}
	}
	t.keys.End(&t.out.Builder)
}

// jsonValue reads the value of a binary annotation: a string as a rule, true for
// an address ("sa"), and by some clients a number.
func (t *Transcoder) jsonValue(g *tag) {
	r := &t.json
	switch r.Peek() {
	case '"':
		g.text = t.jsonText()
	case 't', 'f':
		g.kind = ofBool
		if r.Truth() {
			g.number = 1
		}
	default:
		g.setNumber(r.Literal())
	}
}

// jsonMember reads a member of a span that both versions have, or skips it.
func (t *Transcoder) jsonMember(n name) {
	r, s := &t.json, &t.span
	switch n {
	case nameTraceID:
		s.traceHigh, s.traceLow = t.jsonID(32)
	case nameID:
		_, s.id = t.jsonID(16)
	case nameParentID:
		if r.Peek() == '"' && json.Has(r.Rest(), 0, `""`) {
			r.Advance(2)
			return
		}
		_, s.parent = t.jsonID(16)
		s.hasParent = true
	case nameName:
		t.out.Text(otlp.SpanName, r.Text())
	default:
		r.Skip()
	}
}

// jsonID reads an id of up to so many hex digits.
func (t *Transcoder) jsonID(most int) (high, low uint64) {
	r := &t.json
	r.Peek()
	start := r.Offset()
	s := r.Text()
	bad := byte(0)
	for _, c := range s {
		d := json.Unhex(c)
		bad |= d
		high = high<<4 | low>>60
		low = low<<4 | uint64(d&15)
	}
	if len(s) == 0 || len(s) > most || bad > 15 {
		r.FailAt("an id that is not hex, or too long", start)
	}
	return high, low
}

// jsonAnnotation reads an annotation, unless it is null.
func (t *Transcoder) jsonAnnotation(a *annotation) bool {
	r := &t.json
	if r.Null() {
		return false
	}
	var seen names
	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
		name := seen.read(r)
		if r.Null() {
			continue
		}
		switch name {
		case nameTimestamp:
			a.time = r.Signed(64)
		case nameValue:
			a.value = t.jsonText()
		case nameEndpoint:
			t.jsonEndpoint(&a.host)
		default:
			r.Skip()
		}
	}
	return r.OK()
}

// jsonEndpoint reads an endpoint. What is no address and no port is left out, as
// Zipkin does.
func (t *Transcoder) jsonEndpoint(e *endpoint) {
	r := &t.json
	var seen names
	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
		name := seen.read(r)
		if r.Null() {
			continue
		}
		switch name {
		case nameService:
			e.service = t.jsonText()
		case nameIPv4:
			e.ipv4 = parseAddress(r.Text())
		case nameIPv6:
			e.ipv6 = parseAddress(r.Text())
		case namePort:
			v, _ := json.Signed(r.Number(), 64)
			e.port = portOf(v)
		default:
			r.Skip()
		}
	}
}

// jsonText reads a string that is valid as long as the span.
func (t *Transcoder) jsonText() []byte {
	s := t.json.Text()
	if t.json.Escaped() {
		return t.keep(s)
	}
	return s
}

// kindOf is a kind as version 2 has it.
func kindOf(s []byte) otlp.Kind {
	switch string(s) {
	case "CLIENT":
		return otlp.KindClient
	case "SERVER":
		return otlp.KindServer
	case "PRODUCER":
		return otlp.KindProducer
	case "CONSUMER":
		return otlp.KindConsumer
	}
	return otlp.KindUnspecified
}

// parseAddress reads an address as text; none if it is none.
func parseAddress(s []byte) netip.Addr {
	if a, ok := parse4(s); ok {
		return a
	}
	if len(s) > len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255") {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(string(s))
	if err != nil || a.Zone() != "" {
		return netip.Addr{}
	}
	return a.Unmap()
}

// parse4 reads an IPv4 address as nearly all are, without the string that netip
// wants.
func parse4(s []byte) (netip.Addr, bool) {
	var p [4]byte
	part, digits, v := 0, 0, 0
	for _, c := range s {
		if c == '.' {
			if digits == 0 || part == 3 {
				return netip.Addr{}, false
			}
			p[part] = byte(v)
			part, digits, v = part+1, 0, 0
			continue
		}
		v = v*10 + int(c-'0')
		if digits++; c-'0' > 9 || v > 255 || digits > 1 && v < 10 {
			return netip.Addr{}, false
		}
	}
	if part != 3 || digits == 0 {
		return netip.Addr{}, false
	}
	p[3] = byte(v)
	return netip.AddrFrom4(p), true
}

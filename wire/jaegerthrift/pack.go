package jaegerthrift

import (
	"bytes"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// packer puts spans into frames:
//
//	ResourceSpans { Resource, ScopeSpans { Scope, Span… }… }
//
// A span is written where it will probably stay: in the ScopeSpans that is
// open. Only when it is complete are its scope and its size known, and it may
// have to move.
type packer struct {
	otlp.Builder // the frames, end to end

	resource otlp.Builder // the Resource, as a field of ResourceSpans
	done     []frameEnd   // of the frames before the one that is open
	held     []byte       // a span that moves

	frame      int // where the open frame starts
	frameMark  otlp.Mark
	frameSpans int

	scope      scope // of the open ScopeSpans
	scopeStart int   // where it starts
	scopeMark  otlp.Mark
	scopeSpans int

	guess  int // how long a frame will probably be
	tooBig int
	list   []Frame
}

// frameEnd is where a frame ends, and the number of spans in it.
type frameEnd struct{ offset, spans int }

// scope names what made a span. It aliases the datagram.
type scope struct{ name, version []byte }

func (s scope) equal(o scope) bool {
	return bytes.Equal(s.name, o.name) && bytes.Equal(s.version, o.version)
}

// slack is how many bytes the lengths of a frame and of a ScopeSpans may take
// more when they are closed than were kept for them: two each, since a frame's
// length takes one to three.
const slack = 4

// maxResource is the largest resource that spans are put beside. A packet that
// is larger than a datagram may make several frames, each with the resource:
// with half of each for spans, all of them are at most four times as much as
// the spans alone.
const maxResource = otlp.MaxFrame / 2

// reset starts a packet of n bytes. As frames, packets of ordinary spans are a
// quarter longer.
func (p *packer) reset(n int) {
	p.guess = n + n/4
	p.Reset()
	p.resource.Reset()
	p.done = p.done[:0]
	p.tooBig = 0
}

// begin opens the first frame. The resource must be complete.
func (p *packer) begin() {
	p.openFrame()
	p.openScope(scope{})
}

// end closes the last one.
func (p *packer) end() {
	p.closeScope()
	p.closeFrame()
}

// place keeps the span that was written from start on. It moves to a new
// ScopeSpans if it has another scope than the span before it, and to a new
// frame if the open one has no room.
func (p *packer) place(start int, s scope) {
	if p.resource.Len() > maxResource {
		p.Truncate(start)
		p.tooBig++
		return
	}
	if !s.equal(p.scope) {
		start = p.move(start, func() {
			p.closeScope()
			p.openScope(s)
		})
	}
	if !p.fits() {
		start = p.move(start, func() {
			p.end()
			p.openFrame()
			p.openScope(s)
		})
		if !p.fits() {
			p.Truncate(start)
			p.tooBig++
			return
		}
	}
	p.frameSpans++
	p.scopeSpans++
}

func (p *packer) fits() bool { return p.Len()-p.frame+slack <= otlp.MaxFrame }

// move takes the last span out, opens what it is to be in, and puts it there.
func (p *packer) move(start int, open func()) int {
	p.held = append(p.held[:0], p.Bytes()[start:]...)
	p.Truncate(start)
	open()
	start = p.Len()
	p.Raw(p.held)
	return start
}

func (p *packer) openFrame() {
	p.frame, p.frameSpans = p.Len(), 0
	p.frameMark = p.Open(otlp.RequestResourceSpans, p.guess)
	p.Raw(p.resource.Bytes())
}

func (p *packer) closeFrame() {
	if p.frameSpans == 0 {
		p.Truncate(p.frame)
		return
	}
	p.Close(p.frameMark)
	p.done = append(p.done, frameEnd{p.Len(), p.frameSpans})
}

func (p *packer) openScope(s scope) {
	p.scope, p.scopeStart, p.scopeSpans = s, p.Len(), 0
	p.scopeMark = p.Open(otlp.ResourceSpansScopeSpans, p.guess)
	if len(s.name) == 0 && len(s.version) == 0 {
		return
	}
	m := p.Open(otlp.ScopeSpansScope, len(s.name)+len(s.version))
	p.Text(otlp.ScopeName, s.name)
	p.Text(otlp.ScopeVersion, s.version)
	p.Close(m)
}

func (p *packer) closeScope() {
	if p.scopeSpans == 0 {
		p.Truncate(p.scopeStart)
		return
	}
	p.Close(p.scopeMark)
}

// frames are what was packed.
func (p *packer) frames() (list []Frame, spans, tooBig int) {
	p.list = p.list[:0]
	start := 0
	for _, e := range p.done {
		p.list = append(p.list, Frame{p.Bytes()[start:e.offset:e.offset], e.spans})
		start = e.offset
		spans += e.spans
	}
	return p.list, spans, p.tooBig
}

func (p *packer) shrink() {
	if p.Cap() > keptBytes {
		p.Builder = otlp.Builder{}
	}
	if p.resource.Cap() > keptBytes {
		p.resource = otlp.Builder{}
	}
	if cap(p.held) > keptBytes {
		p.held = nil
	}
	if cap(p.list) > keptItems {
		p.list, p.done = nil, nil
	}
}

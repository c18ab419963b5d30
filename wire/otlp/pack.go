package otlp

import "bytes"

// Packer puts spans that are made one by one into frames:
//
//	ResourceSpans { Resource, ScopeSpans { Scope, Span… }… }…
//
// A span is written where it will probably stay: in the ScopeSpans that is
// open. Only when it is complete are its scope and its size known, and it may
// have to move. So the order of calls is
//
//	Start { Resource is written, Begin { a span is written, Place }… End }… Frames
//
// Its memory is used again. The zero value is ready.
type Packer struct {
	Builder // the frames, end to end; spans are written into it

	// Resource is for the Resource of the spans that follow, as a field of
	// ResourceSpans. It is written between End and Begin, after a Reset.
	Resource Builder

	put  func(frame []byte, spans int) error
	err  error      // of put
	done []frameEnd // of the frames before the one that is open
	held []byte     // a span that moves

	frame      int // where the open frame starts
	frameSpans int

	begin int // where the open ResourceSpans starts
	mark  Mark
	spans int // in it

	scope      Scope // of the open ScopeSpans
	scopeStart int   // where it starts
	scopeMark  Mark
	scopeSpans int

	guess  int // how long a ResourceSpans will probably be
	all    int // spans in all frames
	tooBig int
	list   []Frame
}

// Frame is a frame with the number of its spans.
type Frame struct {
	Bytes []byte
	Spans int
}

// frameEnd is where a frame ends, and the number of spans in it.
type frameEnd struct{ offset, spans int }

// Scope names what made a span. Who places spans keeps its bytes until End.
type Scope struct{ Name, Version []byte }

func (s Scope) equal(o Scope) bool {
	return bytes.Equal(s.Name, o.Name) && bytes.Equal(s.Version, o.Version)
}

// slack is how many bytes the lengths of a ResourceSpans and of a ScopeSpans
// may take more when they are closed than were kept for them: two each, since
// the length of what is in a frame takes one to three.
const slack = 4

// MaxResource is the largest resource that spans are put beside, in bytes. What
// is larger than a datagram may make several frames, each with the resource:
// with half of each for spans, all of them are at most four times as much as
// the spans alone.
const MaxResource = MaxFrame / 2

// Start begins with no frames. size is how long they will probably be, in bytes.
// If put is not nil, it is given each frame when that is complete, valid until
// it returns; after an error it is given no more. Else Frames has them all.
func (p *Packer) Start(size int, put func(frame []byte, spans int) error) {
	p.Reset()
	p.Resource.Reset()
	p.put, p.err = put, nil
	p.guess = min(size, MaxFrame)
	p.done = p.done[:0]
	p.frame, p.frameSpans, p.all, p.tooBig = 0, 0, 0, 0
}

// Begin opens a ResourceSpans. Its Resource must be complete.
func (p *Packer) Begin() {
	p.openResource()
	p.openScope(Scope{})
}

// End closes it.
func (p *Packer) End() {
	p.closeScope()
	p.closeResource()
}

// Place keeps the span that was written from start on. It moves to a new
// ScopeSpans if it has another scope than the span before it, and to a new
// frame if the open one has no room. One that fits into no frame is left out.
func (p *Packer) Place(start int, s Scope) {
	if p.Resource.Len() > MaxResource || p.err != nil {
		p.LeaveOut(start)
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
			p.End()
			p.closeFrame()
			p.openResource()
			p.openScope(s)
		})
		if !p.fits() {
			p.LeaveOut(start)
			return
		}
	}
	p.spans++
	p.scopeSpans++
}

// LeaveOut takes back a span that was written from start on, since it does not
// fit into a frame.
func (p *Packer) LeaveOut(start int) {
	p.Truncate(start)
	p.tooBig++
}

func (p *Packer) fits() bool { return p.Len()-p.frame+slack <= MaxFrame }

// move takes the last span out, opens what it is to be in, and puts it there.
func (p *Packer) move(start int, open func()) int {
	p.held = append(p.held[:0], p.Bytes()[start:]...)
	p.Truncate(start)
	open()
	start = p.Len()
	p.Raw(p.held)
	return start
}

func (p *Packer) openResource() {
	p.begin, p.spans = p.Len(), 0
	p.mark = p.Open(RequestResourceSpans, p.guess)
	p.Raw(p.Resource.Bytes())
}

func (p *Packer) closeResource() {
	if p.spans == 0 {
		p.Truncate(p.begin)
		return
	}
	p.Close(p.mark)
	p.frameSpans += p.spans
}

// closeFrame ends the frame that is open, if it has spans. No ResourceSpans is.
func (p *Packer) closeFrame() {
	spans := p.frameSpans
	if spans == 0 {
		return
	}
	p.frameSpans = 0
	switch {
	case p.err != nil:
	case p.put != nil:
		p.err = p.put(p.Bytes(), spans)
	default:
		p.done = append(p.done, frameEnd{p.Len(), spans})
	}
	if p.put != nil {
		p.Reset()
	}
	p.all += spans
	p.frame = p.Len()
}

func (p *Packer) openScope(s Scope) {
	p.scope, p.scopeStart, p.scopeSpans = s, p.Len(), 0
	p.scopeMark = p.Open(ResourceSpansScopeSpans, p.guess)
	if len(s.Name) == 0 && len(s.Version) == 0 {
		return
	}
	m := p.Open(ScopeSpansScope, len(s.Name)+len(s.Version))
	p.Text(ScopeName, s.Name)
	p.Text(ScopeVersion, s.Version)
	p.Close(m)
}

func (p *Packer) closeScope() {
	if p.scopeSpans == 0 {
		p.Truncate(p.scopeStart)
		return
	}
	p.Close(p.scopeMark)
}

// Frames ends the last frame. It returns all of them, unless put has had them;
// how many spans are in them; how many were left out; and the error of put. The
// frames are valid until Start.
func (p *Packer) Frames() (list []Frame, spans, tooBig int, err error) {
	p.closeFrame()
	p.list = p.list[:0]
	start := 0
	for _, e := range p.done {
		p.list = append(p.list, Frame{p.Bytes()[start:e.offset:e.offset], e.spans})
		start = e.offset
	}
	return p.list, p.all, p.tooBig, p.err
}

// Err is the error of put: what is written from then on is for nothing.
func (p *Packer) Err() error { return p.err }

// Shrink gives back memory of more than so many bytes, each.
func (p *Packer) Shrink(bytes int) {
	if p.Cap() > bytes {
		p.Builder = Builder{}
	}
	if p.Resource.Cap() > bytes {
		p.Resource = Builder{}
	}
	if cap(p.held) > bytes {
		p.held = nil
	}
	if 32*cap(p.list) > bytes {
		p.list, p.done = nil, nil
	}
}

// Kept is the memory that is kept, in bytes.
func (p *Packer) Kept() int {
	return p.Cap() + p.Resource.Cap() + cap(p.held) + 16*cap(p.done) + 32*cap(p.list)
}

package zipkin

import (
	"bytes"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// packer puts spans into frames, those with one resource and scope together:
//
//	ResourceSpans { Resource, ScopeSpans { Scope, Span… } }…
//
// Spans are written one after the other as they come. What they are in is put
// around them when the frame is full.
type packer struct {
	otlp.Builder // spans, as fields of ScopeSpans, end to end

	heads  otlp.Builder // resources and scopes of the groups, end to end
	groups []group
	runs   []run
	size   int // what the frame will have, in bytes

	frame otlp.Builder
}

// group is the spans of a frame that have one resource and scope.
type group struct {
	resource, scope, end int32 // offsets in heads: where each starts, and the last one ends
	first, last          int32 // of its runs
	bytes, spans         int32
}

// run is spans of a group that stand side by side.
type run struct{ start, end, next int32 }

const (
	// groupHeader is how many bytes tag and length of a ResourceSpans and of a
	// ScopeSpans may take, each as long as a frame.
	groupHeader = 2 * 4
	// recentGroups is how many groups are looked at for a span's: a request of
	// thousands of services must not cost their number squared.
	recentGroups = 16
)

func (p *packer) reset() {
	p.Reset()
	p.empty()
}

// empty forgets the frame, not the spans.
func (p *packer) empty() {
	p.heads.Reset()
	p.groups, p.runs, p.size = p.groups[:0], p.runs[:0], 0
}

// room says whether the span that was written from start on fits into the open
// frame, beside its resource and scope.
func (p *packer) room(start int, resource, scope []byte) bool {
	return p.size+p.need(start, resource, scope) <= otlp.MaxFrame
}

func (p *packer) need(start int, resource, scope []byte) int {
	n := p.Len() - start
	if p.find(resource, scope) < 0 {
		n += groupHeader + len(resource) + len(scope)
	}
	return n
}

// place puts the span that was written from start on into the open frame.
func (p *packer) place(start int, resource, scope []byte) {
	p.size += p.need(start, resource, scope)
	at := p.find(resource, scope)
	n := len(p.runs)
	if at < 0 {
		at = len(p.groups)
		g := group{resource: int32(p.heads.Len()), first: int32(n), last: -1}
		p.heads.Raw(resource)
		g.scope = int32(p.heads.Len())
		p.heads.Raw(scope)
		g.end = int32(p.heads.Len())
		p.groups = append(p.groups, g)
	}
	g := &p.groups[at]
	switch {
	case g.last == int32(n-1) && n > 0:
		p.runs[n-1].end = int32(p.Len())
	default:
		if g.last >= 0 {
			p.runs[g.last].next = int32(n)
		}
		g.last = int32(n)
		p.runs = append(p.runs, run{start: int32(start), end: int32(p.Len()), next: -1})
	}
	g.bytes += int32(p.Len() - start)
	g.spans++
}

// find is the group with a resource and a scope, or negative.
func (p *packer) find(resource, scope []byte) int {
	heads := p.heads.Bytes()
	for i := len(p.groups) - 1; i >= max(0, len(p.groups)-recentGroups); i-- {
		g := &p.groups[i]
		if bytes.Equal(heads[g.resource:g.scope], resource) && bytes.Equal(heads[g.scope:g.end], scope) {
			return i
		}
	}
	return -1
}

// take makes the frame of what has been placed, which is nil if that is nothing,
// and starts another one with the span that was written from start on. The frame
// is valid until the next one.
func (p *packer) take(start int) (frame []byte, spans int) {
	p.frame.Reset()
	p.frame.Grow(p.size)
	all, heads := p.Bytes(), p.heads.Bytes()
	for i := range p.groups {
		g := &p.groups[i]
		in := int(g.end - g.scope + g.bytes)
		rs := p.frame.Open(otlp.RequestResourceSpans, int(g.scope-g.resource)+4+in)
		p.frame.Raw(heads[g.resource:g.scope])
		ss := p.frame.Open(otlp.ResourceSpansScopeSpans, in)
		p.frame.Raw(heads[g.scope:g.end])
		for at := g.first; at >= 0; at = p.runs[at].next {
			p.frame.Raw(all[p.runs[at].start:p.runs[at].end])
		}
		p.frame.Close(ss)
		p.frame.Close(rs)
		spans += int(g.spans)
	}
	p.Truncate(0)
	p.Raw(all[start:])
	p.empty()
	if spans == 0 {
		return nil, 0
	}
	return p.frame.Bytes(), spans
}

func (p *packer) shrink() {
	for _, b := range []*otlp.Builder{&p.Builder, &p.heads, &p.frame} {
		if b.Cap() > keptBytes {
			*b = otlp.Builder{}
		}
	}
	if cap(p.runs) > keptItems {
		p.runs = nil
	}
	if cap(p.groups) > keptItems {
		p.groups = nil
	}
}

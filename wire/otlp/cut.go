package otlp

// Cutter has the memory in which frames are put together that do not stand in
// a request as they are: a frame and a half at most, and none before it is
// needed. It may be used by one goroutine at a time. The zero value is ready.
type Cutter struct {
	out  Builder // the frame that is open
	head Builder // what is repeated: the fields of the resource, then those of the scope

	limit    int
	resource int // how much of head is the resource's
	frame    Mark
	scope    Mark
	spans    int // in the frame
}

// request yields the frames of a request that is not one.
func (c *Cutter) request(r Request, yield func([]byte, int) bool) {
	c.limit = r.limit
	c.out.Reset()
	spans := 0 // of the run
	start, end := 0, 0
	// The run is what will be the next frame: a part of the request, or what
	// was put together since its parts do not stand side by side.
	run := func() []byte {
		if c.out.Len() > 0 {
			return c.out.Bytes()
		}
		return r.bytes[start:end]
	}
	flush := func() bool {
		more := spans == 0 || yield(run(), spans)
		c.out.Reset()
		spans, start, end = 0, 0, 0
		return more
	}
	at := 0
	for f := range fields(r.bytes, 0) {
		from := at
		at += len(f.raw)
		switch {
		case f.number != RequestResourceSpans:
			continue
		case len(f.raw) > c.limit:
			if !flush() || !c.resourceSpans(f.data, yield) {
				return
			}
			continue
		case len(run())+len(f.raw) > c.limit:
			if !flush() {
				return
			}
		}
		switch {
		case c.out.Len() == 0 && (start == end || end == from):
			if start == end {
				start = from
			}
			end = at
		case c.out.Len() == 0:
			c.out.Raw(r.bytes[start:end])
			fallthrough
		default:
			c.out.Raw(f.raw)
		}
		spans += Count(f.raw)
	}
	flush()
}

// resourceSpans yields the frames of a ResourceSpans that is larger than one,
// and that is cuttable.
func (c *Cutter) resourceSpans(rs []byte, yield func([]byte, int) bool) bool {
	c.head.Reset()
	if common(rs, ResourceSpansScopeSpans) > c.limit/2 {
		return true // it has no spans: cuttable
	}
	c.head.others(rs, ResourceSpansScopeSpans)
	c.resource = c.head.Len()
	c.open()
	for ss := range fields(rs, ResourceSpansScopeSpans) {
		n := count(ss.data, ScopeSpansSpans)
		if n == 0 {
			continue
		}
		if c.out.Len()+len(ss.raw) > c.limit {
			scope := common(ss.data, ScopeSpansSpans)
			if c.resource+scope <= c.limit/2 {
				if !c.scopeSpans(ss.data, yield) {
					return false
				}
				continue
			}
			if !c.next(yield) { // it fits there: cuttable
				return false
			}
		}
		c.out.Raw(ss.raw)
		c.spans += n
	}
	return c.flush(yield)
}

// scopeSpans cuts a ScopeSpans that has no room in the frame that is open.
func (c *Cutter) scopeSpans(ss []byte, yield func([]byte, int) bool) bool {
	c.head.Truncate(c.resource)
	c.head.others(ss, ScopeSpansSpans)
	open := false
	for s := range fields(ss, ScopeSpansSpans) {
		room := c.limit - c.out.Len()
		if !open {
			room -= headLen(c.limit) + c.head.Len() - c.resource
		}
		if len(s.raw) > room {
			if open {
				c.out.Close(c.scope)
			}
			open = false
			if !c.next(yield) {
				return false
			}
		}
		if !open {
			open = true
			c.scope = c.out.Open(ResourceSpansScopeSpans, c.limit)
			c.out.Raw(c.head.Bytes()[c.resource:])
		}
		c.out.Raw(s.raw)
		c.spans++
	}
	c.out.Close(c.scope)
	return true
}

// open starts a frame with the resource.
func (c *Cutter) open() {
	c.out.Reset()
	c.out.Grow(c.limit) // what is cut fills it; to grow by and by would take as much again
	c.spans = 0
	c.frame = c.out.Open(RequestResourceSpans, c.limit)
	c.out.Raw(c.head.Bytes()[:c.resource])
}

// next yields the frame and starts another one.
func (c *Cutter) next(yield func([]byte, int) bool) bool {
	if !c.flush(yield) {
		return false
	}
	c.open()
	return true
}

func (c *Cutter) flush(yield func([]byte, int) bool) bool {
	c.out.Close(c.frame)
	more := c.spans == 0 || yield(c.out.Bytes(), c.spans)
	c.out.Reset()
	return more
}

// others appends the fields of a message that have another number.
func (b *Builder) others(msg []byte, number int) {
	for f := range fields(msg, 0) {
		if f.number != number {
			b.Raw(f.raw)
		}
	}
}

package otlp

// MaxTags is how many tags there may be.
const MaxTags = 64

// Tags are attributes that every resource is to have, unless it has one with
// that key already. They are not changed, and may be used by many goroutines.
type Tags struct {
	keys   []string
	fields [][]byte // Resource.attributes, each a field with its tag and length
}

// Tag is one of them.
type Tag struct{ Key, Value string }

// NewTags makes the tags, of MaxTags at most, with keys in UTF-8 and no two
// alike.
func NewTags(list []Tag) *Tags {
	t := &Tags{}
	for _, tag := range list[:min(len(list), MaxTags)] {
		var b Builder
		b.StringAttribute(ResourceAttributes, []byte(tag.Key), []byte(tag.Value))
		t.keys, t.fields = append(t.keys, tag.Key), append(t.fields, b.Bytes())
	}
	return t
}

// Rewrite writes a frame that Check has passed into b, which is empty, with the
// tags in all of its resources. It says whether that takes no more than limit
// bytes; if it takes more, what is in b is of no use.
//
// The tags go into the first resource field of a ResourceSpans, after the
// attributes that it has, or into one of their own where there is none. They
// are never a second field: not every decoder merges two.
func (t *Tags) Rewrite(b *Builder, frame []byte, limit int) bool {
	b.Grow(len(frame) + t.len(0) + 16) // enough where there is one ResourceSpans
	var f field
	for rest := frame; len(rest) > 0 && b.Len() <= limit; {
		var err error
		if rest, err = f.next(rest); err != nil {
			break // Check has not passed it
		}
		if f.number == RequestResourceSpans {
			t.resourceSpans(b, f)
		} else {
			b.Raw(f.raw)
		}
	}
	return b.Len() <= limit
}

func (t *Tags) resourceSpans(b *Builder, rs field) {
	has, first, found := t.look(rs.data)
	more := t.len(has)
	if more == 0 {
		b.Raw(rs.raw)
		return
	}
	resource := len(first.data) + more
	b.header(RequestResourceSpans, len(rs.data)-len(first.raw)+1+sizeVarint(uint64(resource))+resource)
	if !found {
		t.resource(b, nil, resource, has)
		b.Raw(rs.data)
		return
	}
	before := rs.data[:first.at]
	b.Raw(before)
	t.resource(b, first.data, resource, has)
	b.Raw(rs.data[len(before)+len(first.raw):])
}

// resource writes the field of a resource of n bytes.
func (t *Tags) resource(b *Builder, was []byte, n int, has uint64) {
	b.header(ResourceSpansResource, n)
	b.Raw(was)
	for i, f := range t.fields {
		if has&(1<<i) == 0 {
			b.Raw(f)
		}
	}
}

// fieldAt is a field and where it stands in its message.
type fieldAt struct {
	field
	at int
}

// look says which tags' keys the resource has, all of its fields taken
// together, and finds the first of these.
func (t *Tags) look(rs []byte) (has uint64, first fieldAt, found bool) {
	var f field
	for rest := rs; len(rest) > 0; {
		at := len(rs) - len(rest)
		var err error
		if rest, err = f.next(rest); err != nil {
			break
		}
		if f.number != ResourceSpansResource {
			continue
		}
		if !found {
			first, found = fieldAt{f, at}, true
		}
		for key := range AttributesIn(f.data, ResourceAttributes).All() {
			for i, k := range t.keys {
				if string(key) == k {
					has |= 1 << i
				}
			}
		}
	}
	return has, first, found
}

// len is what the tags take that are not had, in bytes.
func (t *Tags) len(has uint64) (n int) {
	for i, f := range t.fields {
		if has&(1<<i) == 0 {
			n += len(f)
		}
	}
	return n
}

package jaeger

import (
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Result is what became of a batch. What it points to is valid until the next
// one.
type Result struct {
	// Frames hold the spans that are kept, in their order. There is none if
	// there is no span, and more than one only if it would be over
	// otlp.MaxFrame. The slices alias the writer's memory.
	Frames []otlp.Frame
	// Spans is the number of spans that are kept.
	Spans int
	// Invalid and TooBig are the spans that are left out: those with impossible
	// ids, and those that do not fit into a frame beside their process. A
	// process may fill half a frame.
	Invalid, TooBig int
}

// Writer writes the spans of a batch, in this order of calls:
//
//	Start
//	  BeginProcess { Tag }… EndProcess
//	  Begin
//	    BeginSpan
//	      BeginTags { Tag }… EndTags
//	      { BeginLog { Tag }… EndLog }…
//	      { Reference }…
//	    EndSpan …
//	  End …
//	Result
//
// Processes follow each other with their spans. What is given to it aliases the
// batch, whose bytes must stay until Result. It has memory that it uses again,
// a MiB at most of ordinary batches. The zero value is ready; it is not copied
// once it is used.
type Writer struct {
	out   otlp.Packer
	slots slotted
	keys  otlp.Keys
	refs  []Ref

	owner owner
	to    *otlp.Builder // where tags go
	field int           // in which field
	limit int           // up to which length of it

	span  otlp.Mark
	start int  // where it begins
	over  bool // what it has does not fit into a frame
	scope otlp.Scope
	log   otlp.Mark

	process otlp.Mark
	huge    bool // it takes more than half a frame
	version []byte

	invalid int
}

// Start begins with a batch of size bytes. put is as for otlp.Packer.Start.
func (w *Writer) Start(size int, put func(frame []byte, spans int) error) {
	w.shrink()
	w.invalid = 0
	w.out.Start(size+size/4, put) // as frames, batches of ordinary spans are a quarter longer
}

// Begin begins with the spans of the process that was written last.
func (w *Writer) Begin() { w.out.Begin() }

// End ends with them.
func (w *Writer) End() { w.out.End() }

// Result is what became of the batch. The error is put's.
func (w *Writer) Result() (r Result, err error) {
	r.Frames, r.Spans, r.TooBig, err = w.out.Frames()
	r.Invalid = w.invalid
	return r, err
}

// Err is the error of put: the rest of the batch need not be read.
func (w *Writer) Err() error { return w.out.Err() }

const (
	// keptBytes is how much memory for frames is kept from batch to batch.
	// The largest packets of ordinary spans, 65,000 bytes, make frames of
	// about 90 kB.
	keptBytes = 256 << 10
	// keptItems is the same for lists: of attributes and links.
	keptItems = 1 << 10
)

// shrink gives back memory that an extraordinary batch has needed.
func (w *Writer) shrink() {
	w.out.Shrink(keptBytes)
	w.keys.Shrink(keptItems)
	if cap(w.refs) > keptItems {
		w.refs = nil
	}
	if cap(w.version) > keptBytes {
		w.version = nil
	}
}

// Kept is the memory that is kept for the next batch, in bytes.
func (w *Writer) Kept() int {
	return w.out.Kept() + w.keys.Cap() + cap(w.version) + 32*cap(w.refs)
}

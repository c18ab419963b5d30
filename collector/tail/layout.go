package tail

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/internal/figures"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Layout says how traces are drawn.
type Layout struct {
	Width   int      // cells of a line, at least MinWidth
	Rows    int      // spans drawn of one trace
	Colours *Colours // nil: none
	ASCII   bool     // with nothing but ASCII, but for what spans are named
}

// MinWidth is the narrowest line in which a trace can be drawn, in cells.
const MinWidth = 32

// Narrowest and widest bar, in cells; below the first there is none. A bar is
// made shorter for a note only down to fairBar.
const (
	minBar  = 12
	fairBar = 24
	maxBar  = 48
)

// table is a trace on its way to lines: what stands in each column, and how
// wide each is.
type table struct {
	Layout
	rows                                         []row
	service, name, took, note                    []string
	serviceCells, nameCells, tookCells, barCells int
	from, till                                   uint64 // what a bar spans, in ns since 1970
}

// Lines draws a trace: a line that names it, and its tree.
func (l Layout) Lines(tr *Trace) []string {
	draw := drawn
	if l.ASCII {
		draw = ascii
	}
	rows, twice := rows(tr, draw, max(1, (l.Width*2/5-10)/3))
	lines := []string{l.header(tr, rows, twice)}
	t := table{Layout: l, rows: rows[:min(len(rows), l.Rows)]}
	t.scale(rows)
	t.fill()
	t.measure()
	for i := range t.rows {
		lines = append(lines, t.line(i))
	}
	return append(lines, l.footer(tr, rows)...)
}

// header is the line above the tree. What does not fit is left out: first how
// long the trace took, then how many services it has.
func (l Layout) header(tr *Trace, rows []row, twice int) string {
	var first, last uint64 = math.MaxUint64, 0
	services := map[string]bool{}
	failed, rooted := 0, false
	for _, r := range rows {
		if s := r.span; s != nil {
			first, last = min(first, s.Start), max(last, s.End)
			services[s.Service] = true
			rooted = rooted || s.root()
			if s.Failed {
				failed++
			}
		}
	}
	began := time.Unix(0, int64(first)).Format("15:04:05.000")
	spans := figures.Count(len(tr.Spans)-twice+tr.LeftOut, "span")
	where := spans + " in " + figures.Count(len(services), "service")
	long := strings.TrimSpace(figures.Duration(last - min(first, last)))
	var notes []string
	switch {
	case tr.Late:
		spans = "late: " + figures.Count(len(tr.Spans)-twice+tr.LeftOut, "more span")
		where, long = spans, ""
	case !rooted:
		notes = append(notes, "no root")
	}
	if tr.Going {
		notes = append(notes, "still going")
	}
	if twice > 0 {
		notes = append(notes, figures.Grouped(twice)+" came twice")
	}
	sep, errors := l.ascii(" · "), ""
	if failed > 0 {
		errors = sep + figures.Count(failed, "error")
	}
	var text string
	for _, parts := range [][]string{{where, l.ascii(long)}, {where}, {spans}} {
		parts = append([]string{began, "trace " + hexID(tr.ID)}, parts...)
		parts = slices.DeleteFunc(append(parts, notes...), func(s string) bool { return s == "" })
		if text = strings.Join(parts, sep); cells(text+errors) <= l.Width {
			break
		}
	}
	return l.paint(dim, fit(text, l.Width-cells(errors), l.ellipsis())) + l.paint(red, errors)
}

// footer says what the tree does not show.
func (l Layout) footer(tr *Trace, rows []row) (lines []string) {
	more, failed := tr.LeftOut, 0
	if len(rows) > l.Rows {
		for _, r := range rows[l.Rows:] {
			if r.span != nil {
				more++
				if r.span.Failed {
					failed++
				}
			}
		}
	}
	if more == 0 {
		return nil
	}
	s := l.ellipsis() + " " + figures.Count(more, "more span")
	if failed > 0 {
		s += ", " + figures.Count(failed, "error") + " among them"
	}
	return []string{l.paint(dim, fit(s, l.Width, l.ellipsis()))}
}

// scale finds what the bars span: from the root's start, since a child that
// seems to begin before it has another clock, to the last end.
func (t *table) scale(rows []row) {
	t.from = math.MaxUint64
	for _, r := range rows {
		if r.span != nil {
			t.from, t.till = min(t.from, r.span.Start), max(t.till, r.span.End)
		}
	}
	if r := rows[0]; r.span != nil && r.span.root() && r.span.Start < t.till {
		t.from = r.span.Start
	}
}

func (t *table) fill() {
	for _, r := range t.rows {
		if r.span == nil {
			t.service = append(t.service, "?")
			t.name = append(t.name, "span "+r.absent+" is not here")
			t.took = append(t.took, "")
			t.note = append(t.note, "")
			continue
		}
		t.service = append(t.service, r.lead+named(r.span.Service))
		t.name = append(t.name, t.outgoing(r.span.Kind)+named(r.span.Name))
		t.took = append(t.took, t.ascii(figures.Duration(r.span.duration())))
		t.note = append(t.note, t.noteOf(r))
	}
}

// outgoing marks what goes out to another service.
func (t *table) outgoing(k otlp.Kind) string {
	switch {
	case k != otlp.KindClient && k != otlp.KindProducer:
		return ""
	case t.ASCII:
		return "-> "
	}
	return "→ "
}

func named(s string) string {
	if s == "" {
		return "(unnamed)"
	}
	return Plain(s)
}

// noteOf is what is worth knowing of a span beyond its place and time.
func (t *table) noteOf(r row) string {
	s := r.span
	switch {
	case s.Failed:
		return strings.TrimSpace("ERROR " + Plain(s.Message))
	case r.parent != nil && r.parent.Start > s.Start+uint64(time.Millisecond):
		return "clock " + t.ascii("−"+strings.TrimSpace(figures.Duration(r.parent.Start-s.Start)))
	case s.Kind == otlp.KindConsumer && r.parent != nil && s.Start > r.parent.End:
		return strings.TrimSpace(t.ascii(figures.Duration(s.Start-r.parent.End))) + " later"
	}
	return ""
}

// measure gives each column its width. Service and name may take what they
// need as long as durations and the beginning of a note fit; the bar takes
// what is left, if that is worth it.
func (t *table) measure() {
	note := 0
	for i := range t.rows {
		t.serviceCells = max(t.serviceCells, cells(t.service[i]))
		t.nameCells = max(t.nameCells, cells(t.name[i]))
		t.tookCells = max(t.tookCells, cells(t.took[i]))
		note = max(note, cells(t.note[i]))
	}
	t.serviceCells = min(t.serviceCells, max(t.Width*2/5, 12))
	room := t.Width - t.serviceCells - t.tookCells - 4
	if note > 0 {
		room -= min(note, 18) + 2
	}
	t.nameCells = max(min(t.nameCells, room), 4)
	// An error that does not fit beside a bar takes the bar's place.
	bar := t.Width - t.serviceCells - t.nameCells - t.tookCells - 6
	if note > 0 {
		bar = max(bar-note-2, min(bar, fairBar))
	}
	if bar >= minBar {
		t.barCells = min(bar, maxBar)
	}
}

// line draws one row.
func (t *table) line(i int) string {
	r := t.rows[i]
	var b strings.Builder
	// The branches are dim, the service has its colour; both share a column.
	service := fit(t.service[i], t.serviceCells, t.ellipsis())
	lead := service[:min(len(r.lead), len(service))]
	colour := dim
	if r.span != nil {
		colour = t.Colours.of(r.span.Service)
	}
	b.WriteString(t.paint(dim, lead))
	b.WriteString(t.paint(colour, service[len(lead):]))
	b.WriteString(padded("", t.serviceCells-cells(service)+2))
	name := padded(fit(t.name[i], t.nameCells, t.ellipsis()), t.nameCells)
	if r.span == nil {
		b.WriteString(t.paint(dim, strings.TrimRight(name, " ")))
		return b.String()
	}
	b.WriteString(name)
	b.WriteString(padded("", 2+t.tookCells-cells(t.took[i])))
	b.WriteString(t.took[i])
	b.WriteString("  ")
	if r.span.Failed {
		colour = red
	}
	note := t.note[i]
	room := t.Width - t.serviceCells - t.nameCells - t.tookCells - 6
	if fits := cells(note)+2 <= room-t.barCells; t.barCells > 0 && (fits || !r.span.Failed) {
		b.WriteString(t.bar(r.span, colour))
		b.WriteString("  ")
		room -= t.barCells + 2
		if !fits {
			note = ""
		}
	}
	if !r.span.Failed {
		colour = dim
	}
	b.WriteString(t.paint(colour, fit(note, room, t.ellipsis())))
	return strings.TrimRight(b.String(), " ")
}

// bar draws when a span was, within the trace: at least one cell of it.
func (t *table) bar(s *Span, colour string) string {
	track, fill := "·", "━"
	if t.ASCII {
		track, fill = ".", "="
	}
	total := max(t.till-t.from, 1)
	at := func(ns uint64) float64 { // 0 to 1
		return float64(min(max(ns, t.from), t.till)-t.from) / float64(total)
	}
	n := float64(t.barCells)
	first := min(int(at(s.Start)*n), t.barCells-1)
	length := max(int(math.Round(at(max(s.Start, s.End))*n))-first, 1)
	return t.paint(dim, strings.Repeat(track, first)) +
		t.paint(colour, strings.Repeat(fill, length)) +
		t.paint(dim, strings.Repeat(track, t.barCells-first-length))
}

func (l Layout) ellipsis() string {
	if l.ASCII {
		return "..."
	}
	return "…"
}

// ascii spells this package's own signs with what ASCII has, when that is
// wanted.
func (l Layout) ascii(s string) string {
	if l.ASCII {
		return strings.NewReplacer("µ", "u", "−", "-", "·", "-").Replace(s)
	}
	return s
}

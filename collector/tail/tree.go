package tail

import (
	"cmp"
	"slices"
)

// row is a line of a tree: a span, or the place of a parent that is not here.
type row struct {
	span   *Span
	absent string // the id of the absent parent, when span is nil
	parent *Span
	lead   string // what is drawn before the service
}

// branches are the strings that draw a tree, each three cells wide.
type branches struct{ fork, last, bar, gap, deep string }

var (
	drawn = branches{fork: "├─ ", last: "└─ ", bar: "│  ", gap: "   ", deep: "⋯  "}
	ascii = branches{fork: "|- ", last: "`- ", bar: "|  ", gap: "   ", deep: ":  "}
)

// forest arranges the spans of a trace.
type forest struct {
	draw     branches
	deepest  int // levels that are drawn by indenting
	spans    []Span
	children map[int][]int
	done     []bool
	rows     []row
}

// rows arranges the spans of a trace as trees: every span once, children in
// the order in which they began. Spans whose parent is not here stand under a
// row for it, or, in a trace that is late, for themselves. twice is the number
// of spans that were left out because they were here already.
func rows(tr *Trace, draw branches, deepest int) (rows []row, twice int) {
	f := forest{draw: draw, deepest: deepest, spans: tr.Spans, children: map[int][]int{}, done: make([]bool, len(tr.Spans))}
	order, at := f.index()

	var roots []int
	absent := map[[8]byte][]int{}
	var absentIDs [][8]byte
	for _, i := range order {
		s := &f.spans[i]
		p, here := at[s.Parent]
		switch {
		case f.done[i]:
			twice++
		case here:
			f.children[p] = append(f.children[p], i)
		case s.root() || tr.Late:
			roots = append(roots, i)
		default:
			if absent[s.Parent] == nil {
				absentIDs = append(absentIDs, s.Parent)
			}
			absent[s.Parent] = append(absent[s.Parent], i)
		}
	}
	for _, i := range roots {
		f.walk(i, nil, "", "", 0)
	}
	for _, id := range absentIDs {
		f.rows = append(f.rows, row{absent: spanID(id)})
		f.walkAll(absent[id], nil, "", 1)
	}
	// What is left are spans that are each other's ancestors.
	for _, i := range order {
		if !f.done[i] {
			f.walk(i, nil, "", "", 0)
		}
	}
	return f.rows, twice
}

// index returns the spans in the order in which they began, and where each id
// is. A span that came twice is marked as done.
func (f *forest) index() (order []int, at map[[8]byte]int) {
	order = make([]int, len(f.spans))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(f.spans[a].Start, f.spans[b].Start) })
	at = make(map[[8]byte]int, len(f.spans))
	for _, i := range order {
		s := &f.spans[i]
		first, here := at[s.ID]
		if !here {
			at[s.ID] = i
			continue
		}
		o := &f.spans[first]
		f.done[i] = s.Parent == o.Parent && s.Start == o.Start && s.End == o.End && s.Name == o.Name && s.Service == o.Service
	}
	return order, at
}

// walk adds a span, with own drawn before it, and what is below it, with lead
// drawn before each.
func (f *forest) walk(i int, parent *Span, own, lead string, depth int) {
	if f.done[i] {
		return
	}
	f.done[i] = true
	s := &f.spans[i]
	f.rows = append(f.rows, row{span: s, parent: parent, lead: own})
	f.walkAll(f.children[i], s, lead, depth+1)
}

func (f *forest) walkAll(children []int, parent *Span, lead string, depth int) {
	if depth > f.deepest {
		lead += f.draw.deep
	}
	for n, i := range children {
		switch {
		case depth > f.deepest:
			f.walk(i, parent, lead, lead[:len(lead)-len(f.draw.deep)], depth)
		case n < len(children)-1:
			f.walk(i, parent, lead+f.draw.fork, lead+f.draw.bar, depth)
		default:
			f.walk(i, parent, lead+f.draw.last, lead+f.draw.gap, depth)
		}
	}
}

package fields

import "fmt"

// A Rule is a difference that is known and meant. It has a name and a reason, and it changes what is wanted of a span into
// what is to be expected.
type Rule struct {
	Name, Why string
	Apply     func(Span)
}

// Compare says where got differs from what was wanted once all rules are applied, and which rules are not needed: without
// each of them there must be a difference. wanted makes the wanted spans anew each time.
func Compare(wanted func() []Span, got []Span, rules []Rule) []string {
	lines := Diff(apply(wanted(), rules, -1), got)
	if len(lines) > 0 {
		return lines
	}
	for i, r := range rules {
		if len(Diff(apply(wanted(), rules, i), got)) == 0 {
			lines = append(lines, fmt.Sprintf("rule %q is not needed: without it there is no difference", r.Name))
		}
	}
	return lines
}

func apply(spans []Span, rules []Rule, without int) []Span {
	for i, r := range rules {
		if i == without {
			continue
		}
		for _, s := range spans {
			r.Apply(s)
		}
	}
	return spans
}

package fields

import (
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	wanted := func() []Span { return []Span{{"1", map[string]string{"a": "1", "b": "2"}}} }
	got := []Span{{"1", map[string]string{"a": "1", "b": "3"}}}
	three := Rule{Name: "b is 3", Apply: func(s Span) { s.Fields["b"] = "3" }}
	idle := Rule{Name: "a is 1", Apply: func(s Span) { s.Fields["a"] = "1" }}
	wrong := Rule{Name: "a is 2", Apply: func(s Span) { s.Fields["a"] = "2" }}
	for _, c := range []struct {
		name  string
		rules []Rule
		want  []string
	}{
		{"no rule", nil, []string{"1: b: want 2, got 3"}},
		{"the right rule", []Rule{three}, nil},
		{"one too many", []Rule{three, idle}, []string{`rule "a is 1" is not needed: without it there is no difference`}},
		{"a wrong one", []Rule{three, wrong}, []string{"1: a: want 2, got 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if lines := Compare(wanted, got, c.rules); !slices.Equal(lines, c.want) {
				t.Errorf("got %q, want %q", lines, c.want)
			}
		})
	}
}

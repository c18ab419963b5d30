package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Error is one thing that is wrong, told in one line.
type Error struct {
	Where   string // file, "file:line", or what set the value
	Key     string // path of the key, "" when it is about the file
	Value   *string
	Problem string // what is wrong; how to fix it
	line    int
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Where != "" {
		b.WriteString(e.Where + ": ")
	}
	if e.Key != "" {
		b.WriteString(word(e.Key) + ": ")
	}
	if e.Value != nil {
		b.WriteString(brief(*e.Value) + ": ")
	}
	return b.String() + e.Problem
}

// maxBrief is in bytes: what an error repeats of a file that may be anything.
const maxBrief = 100

// brief quotes s, which keeps it in one line.
func brief(s string) string {
	if len(s) > maxBrief {
		return strconv.Quote(s[:maxBrief]) + "…"
	}
	return strconv.Quote(s)
}

// word is s as it is where that is readable.
func word(s string) string {
	for _, r := range s {
		if r <= ' ' || !strconv.IsPrint(r) {
			return brief(s)
		}
	}
	if len(s) > maxBrief {
		return brief(s)
	}
	return s
}

// Errors is everything that is wrong with a configuration, in the order of the
// file.
type Errors []*Error

// Error has a line for each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each *Error to errors.Is and errors.As.
func (es Errors) Unwrap() []error {
	list := make([]error, len(es))
	for i, e := range es {
		list[i] = e
	}
	return list
}

func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b *Error) int { return cmp.Compare(a.line, b.line) })
	return es
}

// Nearest returns the candidate that s was probably meant to be, or "".
func Nearest(s string, candidates []string) string {
	best, least := "", max(1, len(s)/3)+1 // with that many edits it is another word
	for _, c := range candidates {
		if d := distance(s, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of letters to insert, remove or replace to get from a
// to b (Levenshtein); that of very long strings is their length.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

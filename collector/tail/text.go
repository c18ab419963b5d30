package tail

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Plain returns s as text that a terminal shows and does not obey: whatever is
// not a letter, mark, number, symbol or space (control characters, escapes,
// what turns the direction of text, what cannot be seen) is written as an
// escape, and no character carries more than two combining marks.
func Plain(s string) string {
	if printableASCII(s) {
		return s
	}
	var b strings.Builder
	marks := 0
	for _, r := range s {
		switch {
		case !unicode.IsPrint(r):
			b.WriteString(escape(r))
		case unicode.Is(unicode.M, r):
			if marks++; marks <= 2 {
				b.WriteRune(r)
			}
			continue
		default:
			b.WriteRune(r)
		}
		marks = 0
	}
	return b.String()
}

func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cells is how many cells of a terminal plain text takes.
func cells(s string) (n int) {
	if printableASCII(s) {
		return len(s)
	}
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// fit cuts plain text to at most n cells; what is cut ends in an ellipsis.
func fit(s string, n int, ellipsis string) string {
	if n <= 0 {
		return ""
	}
	if cells(s) <= n {
		return s
	}
	room := n - cells(ellipsis)
	if room < 0 {
		return ""
	}
	for i, r := range s {
		if room -= runeCells(r); room < 0 {
			return s[:i] + ellipsis
		}
	}
	return s
}

// padded is s with spaces after it, n cells wide.
func padded(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-cells(s)))
}

package tail

import "testing"

func TestPlain(t *testing.T) {
	for s, want := range map[string]string{
		"":                           "",
		"GET /checkout?x=1":          "GET /checkout?x=1",
		"支払い café 🚲 £ ½ →":           "支払い café 🚲 £ ½ →",
		"\x1b[2J\x1b]52;c;aGk=\a":    `\x1b[2J\x1b]52;c;aGk=\x07`,
		"a\r\nb\tc\x00\x7f":          `a\x0d\nb\tc\x00\x7f`,
		"\u009b2J\u0085":             `\x9b2J\x85`,
		"\u202eabc\u2066\u200f":      `\u202eabc\u2066\u200f`,
		"\u2028\u00a0\ufeff":         `\u2028\xa0\ufeff`,
		"\xff\xfe":                   "\ufffd\ufffd",
		"\ue000\U000f0000":           `\ue000\U000f0000`,
		"e\u0301\u0301\u0301x\u0301": "e\u0301\u0301x\u0301",
	} {
		if got := Plain(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"abcdef", 1, "…"},
		{"abcdef", 0, ""},
		{"abcdef", -3, ""},
		{"注文サ", 6, "注文サ"},
		{"注文サ", 5, "注文…"},
		{"注文サ", 4, "注…"},
		{"注文サ", 2, "…"},
		{"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		got := fit(c.s, c.n, "…")
		if got != c.want || cells(got) > max(c.n, 0) {
			t.Errorf("%q to %d: %q (%d cells), want %q", c.s, c.n, got, cells(got), c.want)
		}
	}
	if got := fit("abcdef", 2, "..."); got != "" {
		t.Errorf("%q", got)
	}
}

func TestCells(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "注文": 4, "e\u0301": 1, "ＡＢ": 4, "🚲": 2, "├─ ": 3} {
		if got := cells(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

package activation

import (
	"slices"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	const pid = 42
	for _, c := range []struct {
		env   string
		names []string
		err   string // a part of it
	}{
		{"", nil, ""},
		{"LISTEN_PID=42", nil, ""},
		{"LISTEN_PID=42 LISTEN_FDS=0", []string{}, ""},
		{"LISTEN_PID=42 LISTEN_FDS=2", []string{"unknown", "unknown"}, ""},
		{"LISTEN_PID=42 LISTEN_FDS=2 LISTEN_FDNAMES=a.socket:b", []string{"a.socket", "b"}, ""},
		{"LISTEN_PID=42 LISTEN_FDS=2 LISTEN_FDNAMES=a", []string{"a", "unknown"}, ""},
		{"LISTEN_PID=42 LISTEN_FDS=1 LISTEN_FDNAMES=a:b", []string{"a"}, ""},
		{"LISTEN_PID=41 LISTEN_FDS=1", nil, `for process "41", and this is 42`},
		{"LISTEN_FDS=1", nil, `for process ""`},
		{"LISTEN_PID=42 LISTEN_FDS=-1", nil, `"-1" is not a number from 0 to 1024`},
		{"LISTEN_PID=42 LISTEN_FDS=9999999", nil, "is not a number"},
		{"LISTEN_PID=42 LISTEN_FDS=two", nil, "is not a number"},
	} {
		names, err := handedOver(environment(c.env), pid)
		if !slices.Equal(names, c.names) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v; want %q and %q", c.env, names, err, c.names, c.err)
		}
	}
}

// environment is one of variables with spaces between them.
func environment(text string) func(string) string {
	return func(name string) string {
		for v := range strings.FieldsSeq(text) {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

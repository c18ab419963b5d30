package sampling

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// What can be read is written in every form, and read back as it was.
func FuzzProto(f *testing.F) {
	for _, c := range golden {
		f.Add(c.strategy.AppendProto(nil))
	}
	f.Add([]byte("\x22\x02\x1a\x00"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		service, err := ReadRequest(msg)
		if err == nil {
			if again, err := ReadRequest(AppendRequest(nil, service)); err != nil || again != service {
				t.Errorf("%q becomes %q, %v", service, again, err)
			}
		}
		s, err := ReadProto(msg)
		if err == nil {
			check(t, s)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, c := range golden {
		f.Add(c.strategy.JSON())
		f.Add(c.strategy.LegacyJSON())
	}
	files, _ := filepath.Glob("testdata/agent/*.json")
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, file, err := Parse(text)
		switch {
		case err != nil:
		case s != nil:
			check(t, s)
		default:
			check(t, file.For("shop"))
		}
		strategies, warnings, err := ParseStrategies(text)
		if err != nil {
			return
		}
		if len(warnings) > maxWarnings {
			t.Errorf("%d warnings", len(warnings))
		}
		check(t, strategies.For("shop"))
		check(t, strategies.For("no such service"))
	})
}

func check(t *testing.T, s *Strategy) {
	t.Helper()
	if again, err := ReadProto(s.AppendProto(nil)); err != nil || !same(again, s) {
		t.Errorf("protobuf: %v becomes %v, %v", s, again, err)
	}
	for _, text := range [][]byte{s.JSON(), s.LegacyJSON()} {
		if again, file, err := Parse(text); err != nil || file != nil || !same(again, s) {
			t.Errorf("%s becomes %v, %v, %v", text, again, file, err)
		}
	}
	if s.Size() <= 0 {
		t.Errorf("%v has size %d", s, s.Size())
	}
}

// same compares strategies; -0 is 0, which protobuf leaves out.
func same(a, b *Strategy) bool {
	return reflect.DeepEqual(a, b) || string(a.JSON()) == string(b.JSON())
}

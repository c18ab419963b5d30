package layout_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// linkedRecord lists the packages of other modules that are linked into the
// agent, so that a new one is seen in review as a line of a diff.
const (
	linkedRecord = "../../cmd/wayside-agent/deps.txt"
	renewRecord  = "make deps"
)

func TestAgentLinksWhatItsRecordSays(t *testing.T) {
	pkgs := list(t, "-deps", "./cmd/wayside-agent")
	recorded, err := os.ReadFile(linkedRecord)
	if err != nil {
		t.Fatalf("%v (%s writes it)", err, renewRecord)
	}
	added, gone := compareRecord(foreign(pkgs), strings.Fields(string(recorded)))
	for _, path := range added {
		t.Errorf("the agent newly links %s; if it is worth its bytes, `%s` records it", path, renewRecord)
	}
	for _, path := range gone {
		t.Errorf("the agent no longer links %s; `%s` renews the record", path, renewRecord)
	}
}

// foreign returns the import paths that come from neither Go itself nor us.
func foreign(pkgs []*pkg) (paths []string) {
	for _, p := range pkgs {
		if !p.Standard && !ours(p.ImportPath) {
			paths = append(paths, p.ImportPath)
		}
	}
	return paths
}

func compareRecord(linked, recorded []string) (added, gone []string) {
	in := func(set []string) func(string) bool {
		return func(path string) bool { return slices.Contains(set, path) }
	}
	added = slices.DeleteFunc(slices.Clone(linked), in(recorded))
	gone = slices.DeleteFunc(slices.Clone(recorded), in(linked))
	return added, gone
}

func TestLinkedRecordBites(t *testing.T) {
	linked := foreign([]*pkg{
		{ImportPath: "fmt", Standard: true},
		{ImportPath: module + "/wire/otlp"},
		{ImportPath: "example.org/kept"},
		{ImportPath: "example.org/new"},
	})
	added, gone := compareRecord(linked, []string{"example.org/kept", "example.org/old"})
	if !slices.Equal(added, []string{"example.org/new"}) || !slices.Equal(gone, []string{"example.org/old"}) {
		t.Errorf("added %q, gone %q; want only example.org/new added and only example.org/old gone", added, gone)
	}
}

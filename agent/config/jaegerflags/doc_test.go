package jaegerflags

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The document for those who come from the Jaeger Agent has a row for each flag,
// with the key that it becomes.
func TestDocumentHasTheFlags(t *testing.T) {
	b, err := os.ReadFile("../../../docs/migrating-from-jaeger-agent.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), "\n## Flags\n")
	section, _, ok2 := strings.Cut(section, "\n## ")
	if !ok || !ok2 {
		t.Fatal("the document has no section for flags")
	}
	rows := map[string]string{} // flag → what it becomes
	for _, m := range regexp.MustCompile(`(?m)^\| (.*?) \| (.*) \|$`).FindAllStringSubmatch(section, -1) {
		for _, flag := range regexp.MustCompile("`--([^`]+)`").FindAllStringSubmatch(m[1], -1) {
			rows[flag[1]] = m[2]
		}
	}
	every := regexp.MustCompile(`^processor\.[a-z-]+\.`)
	used := map[string]bool{}
	for _, f := range table {
		name := f.name
		becomes, ok := rows[name]
		if !ok {
			name = every.ReplaceAllString(name, "processor.*.")
			becomes, ok = rows[name]
		}
		used[name] = true
		if !ok {
			t.Errorf("--%s has no row", f.name)
			continue
		}
		if strings.Contains(f.arg, " ") || f.arg == "" { // a warning, or done elsewhere
			continue
		}
		last := f.arg[strings.LastIndexByte(f.arg, '.')+1:]
		if !strings.Contains(becomes, "`"+f.arg+"`") && !strings.Contains(becomes, "`"+last+"`") {
			t.Errorf("--%s becomes %s, and the document says: %s", f.name, f.arg, becomes)
		}
	}
	for name := range rows {
		if !used[name] {
			t.Errorf("there is no --%s", name)
		}
	}
}

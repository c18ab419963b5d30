package config

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of keys into docs/configuration.md")

const (
	docFile   = "../../docs/configuration.md"
	tableMark = "<!-- The table is made from agent/config/keys.go: go test ./agent/config -update -->\n"
	tableEnd  = "\n## Values\n"
)

func TestDocumentHasTheKeys(t *testing.T) {
	b, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tableMark)
	have, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatal("the document has no place for the table")
	}
	want := keyTable()
	if *update {
		if err := os.WriteFile(docFile, []byte(before+tableMark+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("the table of keys is stale; run go test ./agent/config -update\nhave\n%s\nwant\n%s", have, want)
	}
}

func keyTable() string {
	var b strings.Builder
	b.WriteString("\n| Key | Default | Takes | |\n|---|---|---|---|\n")
	for k := range Keys {
		def := "`" + k.Default + "`"
		if k.Default == "" {
			def = ""
		}
		b.WriteString("| `" + k.Path + "` | " + def + " | " + k.Takes + " | " + k.Doc + " |\n")
	}
	return b.String()
}

// The examples of the document are configurations.
func TestDocumentedExamplesLoad(t *testing.T) {
	b, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, block := range strings.Split(string(b), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		var set []Setting
		if !strings.Contains(example, "endpoint:") {
			set = append(set, endpoint("collector:4317"))
		}
		if _, err := loadText(example, set...); err != nil {
			t.Errorf("%v in\n%s", err, example)
		}
		n++
	}
	if n == 0 {
		t.Error("no example was found")
	}
}

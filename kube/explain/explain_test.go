package explain

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/wayside-tracing/wayside/kube/apiserver"
	"github.com/wayside-tracing/wayside/kube/apiserver/fake"
)

var rewrite = flag.Bool("rewrite", false, "write the screens anew")

// scene is a document of kind Scene in a file of objects: what is asked, and what
// the API server does.
type scene struct {
	Subject string            `json:"subject"`
	Forbid  []string          `json:"forbid"`
	Unknown []string          `json:"unknown"`
	Pods    map[string]string `json:"pods"`
}

func readScene(t *testing.T, name string) (scene, *fake.Server) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := fake.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	var s scene
	server := &fake.Server{}
	for _, o := range all {
		if o.Text("kind") != "Scene" {
			server.Objects = append(server.Objects, o)
			continue
		}
		b, _ := json.Marshal(o)
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
	}
	server.Forbid, server.Unknown, server.Pods = s.Forbid, s.Unknown, s.Pods
	return s, server
}

var sceneTime = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func look(t *testing.T, s scene, server *fake.Server) Report {
	t.Helper()
	h := httptest.NewServer(server)
	defer h.Close()
	c, err := apiserver.New(&rest.Config{Host: h.URL}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	subject, err := ParseSubject(s.Subject, c.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := Gather(t.Context(), c, subject, Options{Now: sceneTime})
	if err != nil {
		t.Fatal(err)
	}
	return Explain(facts)
}

// Each file in testdata is a cluster and a question; beside it is the screen.
func TestScreens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenes: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			s, server := readScene(t, file)
			var got bytes.Buffer
			if err := look(t, s, server).Write(&got); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *rewrite {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
			if lines := strings.Count(got.String(), "\n"); lines > 40 {
				t.Errorf("%d lines are more than a screen", lines)
			}
		})
	}
}

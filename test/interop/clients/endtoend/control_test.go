package endtoend

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
)

var update = flag.Bool("update", false, "write the Jaeger Agent's answers into wire/sampling/testdata/agent")

// strategiesFolder has strategies files and what the Jaeger Agent made of them.
const strategiesFolder = "../../../../wire/sampling/testdata/agent"

// services are asked for in each file; not all are in all of them.
var services = []string{"shop", "stock", "plain", "limited", "always", "nothing", "a b&c/ü", "tiny", "operations", "unknown", ""}

// controlAnswer is what a tracer sees of an answer.
type controlAnswer struct {
	status          int
	mediaType, body string
}

func get(t *testing.T, method, address, target string) controlAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return controlAnswer{r.StatusCode, r.Header.Get("Content-Type"), string(body)}
}

// strategiesFiles are those of the folder, with their absolute paths.
func strategiesFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(strategiesFolder + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no strategies files: %v", err)
	}
	for i := range files {
		if files[i], err = filepath.Abs(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// startSource starts Jaeger with a strategies file; default operations are merged into all services, as by later versions
// and after a reload.
func startSource(t *testing.T, file string) *harness.Jaeger {
	t.Helper()
	return harness.StartJaeger(t, harness.FreePort(t), harness.FreePort(t),
		"--sampling.strategies-file="+file, "--sampling.strategies.bugfix-5270=true")
}

// The agent answers as the Jaeger Agent does, byte for byte, whichever source it has: the file itself, Jaeger's collector by
// gRPC or HTTP, the Jaeger Agent, the file by HTTP.
func TestSamplingAnswersAreTheJaegerAgents(t *testing.T) {
	for _, file := range strategiesFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			jaeger := startSource(t, file)
			old := harness.StartJaegerAgent(t, jaeger.GRPC)
			want := map[string]controlAnswer{}
			var recorded bytes.Buffer
			for _, service := range services {
				for _, api := range []string{"/sampling", "/"} {
					a := get(t, http.MethodGet, old.Control, api+"?service="+url.QueryEscape(service))
					if a.status != http.StatusOK {
						t.Fatalf("the Jaeger Agent answers %s for %q with %+v", api, service, a)
					}
					want[api+"?service="+service] = a
					fmt.Fprintf(&recorded, "%s?service=%s\t%s\n", api, service, a.body)
				}
			}
			record := strings.TrimSuffix(file, ".json") + ".answers"
			if *update {
				if err := os.WriteFile(record, recorded.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if have, err := os.ReadFile(record); err != nil || !bytes.Equal(have, recorded.Bytes()) {
				t.Errorf("%s is not what the Jaeger Agent answers; run with -args -update (%v)", record, err)
			}
			files := http.Server{Handler: http.FileServer(http.Dir(filepath.Dir(file)))}
			at := harness.FreePort(t)
			files.Addr = at
			go files.ListenAndServe()
			t.Cleanup(func() { files.Close() })
			for kind, source := range map[string]string{
				"file": file, "gRPC": jaeger.GRPC, "HTTP": "http://" + jaeger.CollectorHTTP + "/api/sampling",
				"agent": "http://" + old.Control, "old agent": "http://" + old.Control + "/?x=y", "file by HTTP": "http://" + at + "/" + filepath.Base(file),
			} {
				agent := startAsking(t, source)
				for target, w := range want {
					api, service, _ := strings.Cut(target, "?service=")
					if got := get(t, http.MethodGet, agent.Control, api+"?service="+url.QueryEscape(service)); got != w {
						t.Errorf("by %s: %s: got\n%+v\nwant\n%+v", kind, target, got, w)
					}
				}
				if kind == "file" { // and in place of a collector, by gRPC and by HTTP
					behind := harness.StartJaegerAgent(t, agent.JaegerGRPC)
					for target, w := range want {
						api, service, _ := strings.Cut(target, "?service=")
						query := "?service=" + url.QueryEscape(service)
						if got := get(t, http.MethodGet, behind.Control, api+query); got != w {
							t.Errorf("through the Jaeger Agent: %s: got\n%+v\nwant\n%+v", target, got, w)
						}
						if got := get(t, http.MethodGet, agent.JaegerHTTP, "/api/sampling"+query); api == "/sampling" && got != w {
							t.Errorf("in place of a collector: %s: got\n%+v\nwant\n%+v", target, got, w)
						}
					}
				}
				agent.Finish(t, 0)
			}
		})
	}
}

// startAsking starts an agent with a source of strategies.
func startAsking(t *testing.T, source string) *harness.Agent {
	t.Helper()
	return harness.StartAgentAs(t, harness.Config{
		Deliver: harness.Deliver{Endpoints: []string{"127.0.0.1:9"}, Compression: "none"},
		Keys:    fmt.Sprintf("sampling: {source: %q}", source),
	})
}

// What is no question for a strategy is answered as by the Jaeger Agent, too.
func TestOtherAnswersAreTheJaegerAgents(t *testing.T) {
	file := strategiesFiles(t)[0]
	jaeger := startSource(t, file)
	old := harness.StartJaegerAgent(t, jaeger.GRPC)
	agent := startAsking(t, file)
	for _, c := range []struct{ method, target string }{
		{"GET", "/sampling"},
		{"GET", "/sampling?service=a&service=b"},
		{"GET", "/sampling?Service=a"},
		{"GET", "/"},
		{"GET", "/baggageRestrictions"},
		{"GET", "/baggageRestrictions?service=shop"},
		{"GET", "/nothing?service=shop"},
		{"GET", "/credits?service=shop"},
		{"POST", "/sampling?service=shop"},
		{"PUT", "/nothing"},
		{"DELETE", "/baggageRestrictions?service=shop"},
	} {
		got, want := get(t, c.method, agent.Control, c.target), get(t, c.method, old.Control, c.target)
		if got != want {
			t.Errorf("%s %s: got\n%+v\nwant\n%+v", c.method, c.target, got, want)
		}
	}
	agent.Finish(t, 0)
}

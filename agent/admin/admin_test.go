package admin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// serve runs a server with this status on a port of the system's choice and
// returns its URL.
func serve(t *testing.T, profiles bool, status func() ledger.Status) string {
	t.Helper()
	s, err := New(Options{Addresses: []string{"127.0.0.1:0"}, PProf: profiles, Status: status})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-s.Ready()
	return "http://" + s.Addresses()[0]
}

func ask(t *testing.T, method, url, accept string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// pinned is the ledger as DESIGN section 5 gives it.
const pinned = `{"name":"default","accepted":0,"recovered":0,"delivered":0,"buffered":0,` +
	`"dropped":{"buffer_full":0,"expired":0,"rejected":0,"invalid":0,"too_big":0,"corrupt":0,"disk_lost":0,"shutdown":0},` +
	`"refused":{"malformed":0,"too_big":0,"buffer_full":0,"overloaded":0,"unimplemented":0},` +
	`"kernel_drops":0,"client_reported":{"full_queue":0,"too_large":0,"send_failure":0,"gaps":0},`

func TestStatusJSONIsPinned(t *testing.T) {
	url := serve(t, false, func() ledger.Status { return ledger.Status{Lanes: []ledger.Lane{{Name: "default"}}} })
	res, body := ask(t, "GET", url+"/status", "application/json")
	if res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("Content-Type %q", res.Header.Get("Content-Type"))
	}
	if !strings.Contains(body, `"lanes":[`+pinned) {
		t.Errorf("lane is not as pinned: %s", body)
	}
	if !strings.Contains(body, `],"softnet_drops":0,`) {
		t.Errorf("softnet_drops is not as pinned: %s", body)
	}
}

func TestAnswers(t *testing.T) {
	st := healthy()
	var ready atomic.Bool
	ready.Store(true)
	url := serve(t, false, func() ledger.Status {
		st := st
		st.Ready = ready.Load()
		return st
	})
	for _, c := range []struct {
		method, path, accept string
		ready                bool
		code                 int
		kind, body           string // body: begins with
	}{
		{"GET", "/", "", true, 200, "application/json", `{"status":"Server available","upSince":"2026-11-22T09:00:00Z","uptime":"`},
		{"GET", "/", "", false, 503, "application/json", `{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}`},
		{"GET", "/healthz", "", true, 200, "text/plain; charset=utf-8", "ok\n"},
		{"GET", "/healthz", "", false, 200, "text/plain; charset=utf-8", "ok\n"},
		{"GET", "/readyz", "", true, 200, "text/plain; charset=utf-8", "ready\n"},
		{"GET", "/readyz", "", false, 503, "text/plain; charset=utf-8", "not ready"},
		{"GET", "/version", "", true, 200, "application/json", `{"gitCommit":"`},
		{"GET", "/metrics", "", true, 200, "text/plain; version=0.0.4; charset=utf-8", "# HELP wayside_agent_build_info "},
		{"GET", "/status", "", true, 200, "text/html; charset=utf-8", "<!doctype html>"},
		{"GET", "/status", "text/html,application/xhtml+xml,*/*;q=0.8", true, 200, "text/html; charset=utf-8", "<!doctype html>"},
		{"GET", "/status", "Application/JSON", true, 200, "application/json", `{"version":"v0.1.0"`},
		{"HEAD", "/status", "", true, 200, "text/html; charset=utf-8", ""},
		{"POST", "/status", "", true, 405, "text/plain; charset=utf-8", "only GET and HEAD"},
		{"DELETE", "/debug/pprof/", "", true, 405, "text/plain; charset=utf-8", "only GET"},
		{"GET", "/debug/pprof/", "", true, 404, "text/plain; charset=utf-8", "off; set admin.pprof: true and restart"},
		{"GET", "/nothing", "", true, 404, "text/plain; charset=utf-8", "not found; here are /status"},
	} {
		ready.Store(c.ready)
		res, body := ask(t, c.method, url+c.path, c.accept)
		if res.StatusCode != c.code || res.Header.Get("Content-Type") != c.kind || !strings.HasPrefix(body, c.body) {
			t.Errorf("%s %s: %d %s %.100s", c.method, c.path, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
	}
}

// A degraded agent takes spans in: it is ready, and says that this is not all.
func TestReadyAndDegraded(t *testing.T) {
	for want, degraded := range map[string][]string{
		"ready\n":                    nil,
		"ready, degraded: no file\n": {"no file"},
		"ready, degraded: a (and 2 more, see /status)\n": {"a", "b", "c"},
	} {
		url := serve(t, false, func() ledger.Status { return ledger.Status{Ready: true, Degraded: degraded} })
		if res, body := ask(t, "GET", url+"/readyz", ""); res.StatusCode != 200 || body != want {
			t.Errorf("%d %q, want %q", res.StatusCode, body, want)
		}
		metric := fmt.Sprintf("\nwayside_agent_degraded %d\n", min(len(degraded), 1))
		if _, body := ask(t, "GET", url+"/metrics", ""); !strings.Contains(body, metric) {
			t.Errorf("no %s in the metrics", metric)
		}
	}
}

func TestProfilesWhenAskedFor(t *testing.T) {
	url := serve(t, true, healthy)
	const binary = "application/octet-stream"
	for _, c := range []struct {
		path string
		code int
		kind string
		has  string
	}{
		{"", 200, "text/html; charset=utf-8", "goroutine?debug=1"},
		{"goroutine?debug=1", 200, "text/plain; charset=utf-8", "goroutine profile:"},
		{"heap?gc=1", 200, binary, "\x1f\x8b"}, // gzip
		{"profile?seconds=0.01", 200, binary, "\x1f\x8b"},
		{"trace?seconds=0.01", 200, binary, "go 1."},
		{"profile?seconds=soon", 400, "text/plain; charset=utf-8", "seconds: write a number"},
		{"nothing", 404, "text/plain; charset=utf-8", "there is no such profile"},
	} {
		res, body := ask(t, "GET", url+"/debug/pprof/"+c.path, "")
		if res.StatusCode != c.code || res.Header.Get("Content-Type") != c.kind || !strings.Contains(body, c.has) {
			t.Errorf("%s: %d %s %.60q", c.path, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
	}
}

// The page may run its own style and script, and nothing that a collector's
// error message or a tracer might bring in.
func TestContentPolicyFitsThePage(t *testing.T) {
	res, body := ask(t, "GET", serve(t, false, healthy)+"/status", "")
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, tag := range []string{"style", "script"} {
		_, rest, _ := strings.Cut(body, "<"+tag+">")
		content, _, ok := strings.Cut(rest, "</"+tag+">")
		sum := sha256.Sum256([]byte(content))
		if !ok || !strings.Contains(policy, tag+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("the %s of the page is not what the policy allows", tag)
		}
	}
	if strings.Contains(body, "style=") || strings.Contains(body, "src=") {
		t.Error("the page has an attribute that the policy forbids")
	}
}

// What may have the focus must not be in what the script replaces.
func TestScriptFindsWhatItReplaces(t *testing.T) {
	_, body := ask(t, "GET", serve(t, true, healthy)+"/status", "")
	for _, id := range []string{"verdicts", "body", "about", "pulse"} {
		if strings.Count(body, "id=\""+id+"\"") != 1 || !strings.Contains(pageJS, "\""+id+"\"") {
			t.Errorf("%s is not once in the page and in the script", id)
		}
	}
	_, rest, _ := strings.Cut(body, "id=\"verdicts\"")
	replaced, _, ok := strings.Cut(rest, "<details")
	if !ok || strings.Contains(replaced, "<a ") || strings.Contains(replaced, "tabindex") {
		t.Error("the script would take the focus away")
	}
}

func TestStatusCanBeReadBack(t *testing.T) {
	_, body := ask(t, "GET", serve(t, false, healthy)+"/status", "application/json")
	var st ledger.Status
	if err := json.Unmarshal([]byte(body), &st); err != nil {
		t.Fatal(err)
	}
	if err := st.Lanes[0].Check(); err != nil || st.Lanes[0].Accepted != healthy().Lanes[0].Accepted {
		t.Errorf("%v: %+v", err, st.Lanes[0])
	}
}

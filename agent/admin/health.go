package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/internal/version"
)

// health is what the Jaeger Agent answers on / (jaeger 1.62,
// pkg/healthcheck/handler.go): probes and scripts rely on its form.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	type answer struct {
		Status  string    `json:"status"`
		UpSince time.Time `json:"upSince"`
		Uptime  string    `json:"uptime"`
	}
	st := s.opt.Status()
	if !st.Ready {
		writeJSON(w, http.StatusServiceUnavailable, answer{Status: "Server not available"})
		return
	}
	writeJSON(w, http.StatusOK, answer{"Server available", st.Started, time.Since(st.Started).String()})
}

// alive answers for as long as the process can: an agent that drains must not
// be killed for it.
func (s *Server) alive(w http.ResponseWriter, r *http.Request) {
	writeText(w, http.StatusOK, "ok\n")
}

// readyz tells whether tracers are served. It never depends on a collector, nor on
// what a degraded agent can't do.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	st := s.opt.Status()
	switch more := len(st.Degraded) - 1; {
	case !st.Ready:
		writeText(w, http.StatusServiceUnavailable, "not ready: starting or stopping\n")
	case more > 0:
		writeText(w, http.StatusOK, fmt.Sprintf("ready, degraded: %s (and %d more, see /status)\n", st.Degraded[0], more))
	case more == 0:
		writeText(w, http.StatusOK, "ready, degraded: "+st.Degraded[0]+"\n")
	default:
		writeText(w, http.StatusOK, "ready\n")
	}
}

// version has the Jaeger Agent's keys (jaeger 1.62, pkg/version/build.go) and
// one more.
func (s *Server) version(w http.ResponseWriter, r *http.Request) {
	v := version.Read()
	writeJSON(w, http.StatusOK, struct {
		Commit  string `json:"gitCommit"`
		Version string `json:"gitVersion"`
		Date    string `json:"buildDate"`
		Go      string `json:"goVersion"`
	}{v.Commit, v.Version, v.Time, v.Go})
}

// status is the page, or the ledger as JSON for those who ask for it.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	st := s.opt.Status()
	w.Header().Set("Vary", "Accept")
	if wantsJSON(r.Header.Values("Accept")) {
		writeJSON(w, http.StatusOK, st)
		return
	}
	now := time.Now()
	s.history.add(now, st)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", s.csp)
	w.Header().Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(renderPage(s.history.view(now, st), s.opt.PProf)) // the client went away
}

// wantsJSON reports whether JSON is asked for by name and a page is not.
func wantsJSON(accept []string) bool {
	all := strings.ToLower(strings.Join(accept, ","))
	return strings.Contains(all, "application/json") && !strings.Contains(all, "text/html")
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n')) // the client went away
}

func writeText(w http.ResponseWriter, code int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(s)) // the client went away
}

package admin

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

// maxProfile is how long a profile over time may take.
const maxProfile = 5 * time.Minute

// profiles serves Go's profiles, in the paths and with the parameters of
// net/http/pprof that `go tool pprof` and `go tool trace` use. That package is
// 0.1 MB of binary, for the difference of two profiles and for symbols, which
// Go's own tools don't ask for.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Profiles</title><ul>\n")
		for _, p := range pprof.Profiles() {
			fmt.Fprintf(w, "<li><a href=\"%s?debug=1\">%s</a> %d\n", p.Name(), p.Name(), p.Count())
		}
		fmt.Fprint(w, "<li><a href=\"profile?seconds=10\">profile</a> of CPU time\n<li><a href=\"trace?seconds=1\">trace</a>\n</ul>\n")
	})
	mux.HandleFunc("/debug/pprof/profile", overTime("profile", 30*time.Second, pprof.StartCPUProfile, pprof.StopCPUProfile))
	mux.HandleFunc("/debug/pprof/trace", overTime("trace", time.Second, trace.Start, trace.Stop))
	mux.HandleFunc("/debug/pprof/{name}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		p := pprof.Lookup(name)
		if p == nil {
			http.Error(w, "there is no such profile; /debug/pprof/ lists them", http.StatusNotFound)
			return
		}
		if r.FormValue("gc") == "1" && name == "heap" {
			runtime.GC()
		}
		debug, _ := strconv.Atoi(r.FormValue("debug")) // 0, for Go's tools
		if debug != 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		} else {
			download(w, name)
		}
		_ = p.WriteTo(w, debug) // the client went away
	})
	return mux
}

// overTime serves a profile that takes ?seconds to make, or a default.
func overTime(name string, usual time.Duration, start func(io.Writer) error, stop func()) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		takes := usual
		if s := r.FormValue("seconds"); s != "" {
			n, err := strconv.ParseFloat(s, 64)
			takes = time.Duration(n * float64(time.Second))
			if err != nil || takes <= 0 || takes > maxProfile {
				http.Error(w, "seconds: write a number up to "+strconv.Itoa(int(maxProfile/time.Second)), http.StatusBadRequest)
				return
			}
		}
		download(w, name)
		if err := start(w); err != nil { // another one is being made
			w.Header().Del("Content-Disposition")
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		defer stop()
		select {
		case <-time.After(takes):
		case <-r.Context().Done():
		}
	}
}

func download(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

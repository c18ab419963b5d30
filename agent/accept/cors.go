package accept

import (
	"net/http"
	"slices"
	"strings"
)

// corsMaxAge is how long a browser may go by the answer to a question, in
// seconds; Chrome goes by no longer one.
const corsMaxAge = "7200"

// cors lets the web pages of configured origins send (fetch.spec.whatwg.org,
// "CORS protocol"), and answers a browser that asks before it sends. The result
// is whether that was it.
func (o *OTLP) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	origins := *o.origins.Load()
	if origin == "" || len(origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	ask := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if !slices.Contains(origins, "*") && !slices.Contains(origins, strings.ToLower(origin)) {
		if ask {
			w.WriteHeader(http.StatusForbidden)
		}
		return ask
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	if !ask {
		return false
	}
	h.Set("Access-Control-Allow-Methods", http.MethodPost)
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked) // none of them means anything here
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Access-Control-Max-Age", corsMaxAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}

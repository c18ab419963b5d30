package accept

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/accept/h2"
)

// corsMaxAge is how long a browser may go by the answer to a question, in
// seconds; Chrome goes by no longer one.
const corsMaxAge = "7200"

// cors lets the web pages of configured origins send (fetch.spec.whatwg.org,
// "CORS protocol"): it returns what is to be in the answer. If it is the answer
// to a browser that asks before it sends, status is not 0.
func (s *Server) cors(r *h2.Request) (h h2.Header, status int) {
	origin := r.Header.Get("origin")
	origins := *s.origins.Load()
	if origin == "" || len(origins) == 0 {
		return nil, 0
	}
	set := func(name, value string) { h = append(h, hpack.HeaderField{Name: name, Value: value}) }
	set("vary", "Origin")
	ask := r.Method == http.MethodOptions && r.Header.Get("access-control-request-method") != ""
	if !slices.Contains(origins, "*") && !slices.Contains(origins, strings.ToLower(origin)) {
		if ask {
			return h, http.StatusForbidden
		}
		return h, 0
	}
	set("access-control-allow-origin", origin)
	set("access-control-expose-headers", "Retry-After")
	if !ask {
		return h, 0
	}
	set("access-control-allow-methods", http.MethodPost)
	if asked := r.Header.Get("access-control-request-headers"); asked != "" {
		set("access-control-allow-headers", asked) // none of them means anything here
	}
	if r.Header.Get("access-control-request-private-network") == "true" {
		set("access-control-allow-private-network", "true")
	}
	set("access-control-max-age", corsMaxAge)
	return h, http.StatusNoContent
}

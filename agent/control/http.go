package control

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

// writeTimeout is for an answer, after what its source may take.
const writeTimeout = 10 * time.Second

// Media types of answers.
const (
	jsonType = "application/json"
	textType = "text/plain; charset=utf-8"
)

// ServeHTTP answers as the Jaeger Agent did on 5778 (jaeger 1.62.0,
// pkg/clientcfg/clientcfghttp/handler.go).
func (s *Sampling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Not every ResponseWriter has a deadline (those of tests don't).
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(askTimeout + writeTimeout))
	if known := r.URL.Path == "/sampling" || r.URL.Path == "/" || r.URL.Path == "/baggageRestrictions"; known && r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	status, mediaType, body := s.get(r.Context(), r.URL.Path, r.URL.Query())
	w.Header().Set("Content-Type", mediaType)
	if status != http.StatusOK {
		w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away
}

// Get answers where a Jaeger collector did, on 14268. query is not unescaped.
func (s *Sampling) Get(path, query string) (status int, mediaType string, body []byte) {
	values, _ := url.ParseQuery(query) // what of it can be read
	switch path {
	case "/api/sampling":
		path = "/sampling"
	case "/api/baggageRestrictions":
		path = "/baggageRestrictions"
	}
	return s.get(context.Background(), path, values)
}

func (s *Sampling) get(ctx context.Context, path string, query url.Values) (status int, mediaType string, body []byte) {
	var counts *ledger.SamplingCounts
	form := (*sampling.Strategy).JSON
	switch path {
	case "/sampling":
		counts = &s.answers.HTTP
	case "/":
		counts, form = &s.answers.Legacy, (*sampling.Strategy).LegacyJSON
	case "/baggageRestrictions":
	default:
		return http.StatusNotFound, textType, []byte("404 page not found\n")
	}
	services := query["service"]
	switch {
	case len(services) != 1:
		return http.StatusBadRequest, textType, []byte("'service' parameter must be provided once\n")
	case counts == nil:
		// Clients take an empty list for "no key is allowed", and drop all baggage.
		// There is no way to say that there are no restrictions: with an error they
		// keep to what they were set up with, which by default allows all. The
		// Jaeger Agent never had another answer either.
		return http.StatusInternalServerError, textType, []byte("collector error: baggage not implemented\n")
	}
	strategy, err := s.strategy(ctx, counts, services[0])
	switch {
	case err == nil:
		return http.StatusOK, jsonType, form(strategy)
	case errors.Is(err, ErrOff):
		return http.StatusNotFound, textType, []byte(err.Error() + "\n")
	case errors.Is(err, errLongName):
		return http.StatusBadRequest, textType, []byte(err.Error() + "\n")
	}
	return http.StatusInternalServerError, textType, []byte("collector error: failed to get sampling strategy: " + err.Error() + "\n")
}

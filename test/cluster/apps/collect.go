package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/wayside-tracing/wayside/collector/ingest"
)

// collector takes spans on :4317 and tells about them on :8080.
//
//	GET  /counts   what came, a line for each set of resource attributes
//	POST /down     nobody listens on 4317 any more: connections are refused
//	POST /up       somebody does
//
// TOKEN, if set, must come as the header authorization. With /tls/tls.crt it
// speaks TLS.
type collector struct {
	ingest *ingest.Server
	token  string

	mu     sync.Mutex
	server *http.Server        // nil while it is down
	came   map[string]*arrived // by attributes as text
	denied int                 // requests without the token
}

// arrived is what came with the same resource.
type arrived struct {
	Resource map[string]string `json:"resource"`
	Spans    int               `json:"spans"`  // each as often as it came
	Unique   int               `json:"unique"` // different ones
	ids      map[uint64]struct{}
}

// counts is the answer of /counts.
type counts struct {
	Arrived []*arrived `json:"arrived"`
	Denied  int        `json:"denied"`
	Up      bool       `json:"up"`
}

func collect(ctx context.Context) error {
	c := &collector{came: map[string]*arrived{}, token: os.Getenv("TOKEN")}
	c.ingest = ingest.New(c, 0)
	if err := c.up(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /counts", c.counts)
	mux.HandleFunc("POST /down", func(http.ResponseWriter, *http.Request) { c.down() })
	mux.HandleFunc("POST /up", func(w http.ResponseWriter, _ *http.Request) {
		if err := c.up(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	admin := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { admin.Close() })
	defer stop()
	if err := admin.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (c *collector) up() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", ":4317")
	if err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	c.server = &http.Server{Handler: c, Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second}
	const cert, key = "/tls/tls.crt", "/tls/tls.key"
	if _, err := os.Stat(cert); err == nil {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return err
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}})
	}
	server := c.server
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return nil
}

func (c *collector) down() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		c.server.Close()
		c.server = nil
	}
}

func (c *collector) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if c.token != "" && q.Header.Get("Authorization") != c.token {
		c.mu.Lock()
		c.denied++
		c.mu.Unlock()
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "16") // UNAUTHENTICATED
		return
	}
	c.ingest.ServeHTTP(w, q)
}

// Put remembers what came, for collector/ingest.
func (c *collector) Put(_ context.Context, frame []byte, _ int) error {
	var data tracepb.TracesData
	if err := proto.Unmarshal(frame, &data); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range data.ResourceSpans {
		a := c.of(rs)
		for _, scope := range rs.ScopeSpans {
			for _, s := range scope.Spans {
				a.Spans++
				a.ids[binary.BigEndian.Uint64(s.SpanId)] = struct{}{}
			}
		}
	}
	return nil
}

// told are the attributes that tell who sent. Others differ with every process.
var told = []string{"service.name", "k8s.", "host.name", "team"}

func (c *collector) of(rs *tracepb.ResourceSpans) *arrived {
	resource := map[string]string{}
	for _, kv := range rs.GetResource().GetAttributes() {
		if slices.ContainsFunc(told, func(p string) bool { return strings.HasPrefix(kv.Key, p) }) {
			resource[kv.Key] = kv.Value.GetStringValue()
		}
	}
	key, _ := json.Marshal(resource) // its keys are sorted
	a := c.came[string(key)]
	if a == nil {
		a = &arrived{Resource: resource, ids: map[uint64]struct{}{}}
		c.came[string(key)] = a
	}
	return a
}

func (c *collector) counts(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := counts{Denied: c.denied, Up: c.server != nil, Arrived: []*arrived{}}
	for _, key := range slices.Sorted(maps.Keys(c.came)) {
		a := c.came[key]
		a.Unique = len(a.ids)
		answer.Arrived = append(answer.Arrived, a)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // who asked has gone
}

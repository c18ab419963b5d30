package receiver

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// A Mood is how a receiver deals with a request. take takes the spans and
// answers well.
type Mood func(w http.ResponseWriter, q *http.Request, take http.Handler)

type connKey struct{}

// Well takes and answers.
func Well(w http.ResponseWriter, q *http.Request, take http.Handler) { take.ServeHTTP(w, q) }

// Hang reads nothing and answers nothing, until the sender gives up.
func Hang(_ http.ResponseWriter, q *http.Request, _ http.Handler) { <-q.Context().Done() }

// Slow answers well after a while. A sender that gives up meanwhile has not
// been taken from.
func Slow(d time.Duration) Mood {
	return func(w http.ResponseWriter, q *http.Request, take http.Handler) {
		select {
		case <-q.Context().Done():
		case <-time.After(d):
			take.ServeHTTP(w, q)
		}
	}
}

// Refuse reads the request and refuses it with a code.
func Refuse(code grpc.Code) Mood {
	return func(w http.ResponseWriter, q *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("Content-Type", grpc.ContentType)
		w.Header().Set("Grpc-Status", fmt.Sprint(uint8(code)))
		w.Header().Set("Grpc-Message", "told to refuse everything")
	}
}

// CloseBefore closes the connection in the middle of the request, every nth time.
func CloseBefore(n uint64) Mood {
	var calls atomic.Uint64
	return func(w http.ResponseWriter, q *http.Request, take http.Handler) {
		if calls.Add(1)%n != 0 {
			take.ServeHTTP(w, q)
			return
		}
		_, _ = io.CopyN(io.Discard, q.Body, 100)
		closeConn(q)
	}
}

// CloseAfter takes the spans and closes the connection instead of answering,
// every nth time: the sender can't know, and has to send them again.
func CloseAfter(n uint64) Mood {
	var calls atomic.Uint64
	return func(w http.ResponseWriter, q *http.Request, take http.Handler) {
		if calls.Add(1)%n != 0 {
			take.ServeHTTP(w, q)
			return
		}
		take.ServeHTTP(unsent{}, q)
		closeConn(q)
	}
}

func closeConn(q *http.Request) {
	if c, ok := q.Context().Value(connKey{}).(net.Conn); ok {
		c.Close()
	}
	panic(http.ErrAbortHandler)
}

// unsent is an answer that nobody sees.
type unsent struct{}

func (unsent) Header() http.Header         { return http.Header{} }
func (unsent) Write(b []byte) (int, error) { return len(b), nil }
func (unsent) WriteHeader(int)             {}

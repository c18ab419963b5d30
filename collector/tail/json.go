package tail

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// JSON is a view that writes one object a line for each trace:
//
//	{"trace_id":"5af7183fb1d4cf5f",        32 hex digits; 16 when the first 16 are zero, as in Jaeger
//	 "start":"2026-01-02T15:04:05.000001Z",of the span that began first
//	 "duration_ns":182000000,              from there to the end that was last
//	 "services":["cart","frontend"],       sorted
//	 "errors":1,                           spans whose status is an error
//	 "whole":true,                         a root is here, and the parent of every other span
//	 "late":false,                         true: other spans of this trace were in an earlier line
//	 "left_out":0,                         spans that were too many to be kept
//	 "spans":[{"span_id":"5af7183fb1d4cf5f",
//	   "parent_id":"…",                    not there in a root
//	   "service":"frontend","operation":"GET /checkout",
//	   "kind":"server",                    unspecified, internal, server, client, producer, consumer
//	   "start":"…","offset_ns":0,          from the trace's start
//	   "duration_ns":182000000,
//	   "error":true,"message":"…",         where its status is an error
//	   "resource":0,                       index into resources
//	   "scope":"…","trace_state":"…",      where it has one
//	   "attributes":{"http.status_code":200},
//	   "events":[{"offset_ns":7,"name":"…","attributes":{}}],   from the span's start; where it has some
//	   "links":[{"trace_id":"…","span_id":"…","attributes":{}}]}],
//	 "resources":[{"service.name":"frontend"}]}
//
// Spans stand in the order in which they began. A span that was delivered
// twice is there twice.
type JSON struct {
	w    *bufio.Writer
	line []byte
	err  error
}

// NewJSON returns a view that writes to w.
func NewJSON(w io.Writer) *JSON { return &JSON{w: bufio.NewWriterSize(w, 64<<10)} }

// Limits let some thousand traces wait for a slow reader.
func (j *JSON) Limits() Limits {
	return Limits{Open: 20_000, Kept: 10_000, Spans: 20_000, Bytes: 32 << 20, Detail: true}
}

// Show writes a trace, or returns false when writing failed before.
func (j *JSON) Show(tr *Trace) bool {
	if j.err == nil {
		j.line = appendTrace(j.line[:0], tr)
		_, j.err = j.w.Write(j.line)
	}
	return j.err == nil
}

// Tick writes what is left in the buffer.
func (j *JSON) Tick(Counts) error {
	if j.err == nil {
		j.err = j.w.Flush()
	}
	if cap(j.line) > 1<<20 {
		j.line = nil
	}
	return j.err
}

func appendTrace(dst []byte, tr *Trace) []byte {
	var first, last uint64 = math.MaxUint64, 0
	var services []string
	for i := range tr.Spans {
		s := &tr.Spans[i]
		first, last = min(first, s.Start), max(last, s.End)
		if at, here := slices.BinarySearch(services, s.Service); !here {
			services = slices.Insert(services, at, s.Service)
		}
	}
	slices.SortStableFunc(tr.Spans, func(a, b Span) int {
		if a.Start < b.Start {
			return -1
		}
		return int(min(a.Start-b.Start, 1))
	})
	dst = append(dst, `{"trace_id":"`+hexID(tr.ID)+`","start":`...)
	dst = appendTime(dst, first)
	dst = appendNumber(dst, `,"duration_ns":`, last-min(first, last))
	for i, s := range services {
		dst = appendText(appendElement(dst, `,"services":[`, i), s)
	}
	dst = appendNumber(dst, `],"errors":`, uint64(tr.errors))
	dst = strconv.AppendBool(append(dst, `,"whole":`...), tr.whole())
	dst = strconv.AppendBool(append(dst, `,"late":`...), tr.Late)
	dst = appendNumber(dst, `,"left_out":`, uint64(tr.LeftOut))
	for i := range tr.Spans {
		dst = appendSpan(appendElement(dst, `,"spans":[`, i), &tr.Spans[i], first)
	}
	dst = append(dst, ']')
	for i, r := range tr.resources {
		dst = append(appendElement(dst, `,"resources":[`, i), r...)
	}
	return append(dst, "]}\n"...)
}

func appendSpan(dst []byte, s *Span, first uint64) []byte {
	dst = append(dst, `{"span_id":"`+spanID(s.ID)+`"`...)
	if !s.root() {
		dst = append(dst, `,"parent_id":"`+spanID(s.Parent)+`"`...)
	}
	dst = appendText(append(dst, `,"service":`...), s.Service)
	dst = appendText(append(dst, `,"operation":`...), s.Name)
	dst = append(dst, `,"kind":"`+kindName(s.Kind)+`","start":`...)
	dst = appendTime(dst, s.Start)
	dst = appendNumber(dst, `,"offset_ns":`, s.Start-first)
	dst = appendNumber(dst, `,"duration_ns":`, s.duration())
	if s.Failed {
		dst = appendText(append(dst, `,"error":true,"message":`...), s.Message)
	}
	dst = appendNumber(dst, `,"resource":`, uint64(s.resource))
	return append(append(dst, s.detail...), '}')
}

func appendTime(dst []byte, ns uint64) []byte {
	dst = append(dst, '"')
	dst = time.Unix(int64(ns/1e9), int64(ns%1e9)).UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

func appendNumber(dst []byte, name string, n uint64) []byte {
	return strconv.AppendUint(append(dst, name...), n, 10)
}

func kindName(k otlp.Kind) string {
	switch k {
	case otlp.KindUnspecified:
	case otlp.KindInternal:
		return "internal"
	case otlp.KindServer:
		return "server"
	case otlp.KindClient:
		return "client"
	case otlp.KindProducer:
		return "producer"
	case otlp.KindConsumer:
		return "consumer"
	}
	return "unspecified"
}

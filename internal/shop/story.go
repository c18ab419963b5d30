package shop

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

// story is a trace that is being told. Its times are in microseconds since it
// began.
type story struct {
	*Shop
	id    uint64
	spans []Span
}

// act is a span that is being told: what a service does, one thing after the
// other.
type act struct {
	*story
	span   Span
	now    int64
	failed bool
}

// told gives the spans their times.
func (t *story) told(end time.Time) []Span {
	ends := func(s *Span) int64 { return s.StartTime + s.Duration }
	slices.SortStableFunc(t.spans, func(a, b Span) int { return int(ends(&a) - ends(&b)) })
	if len(t.spans) == 0 {
		return nil
	}
	began := end.UnixMicro() - ends(&t.spans[len(t.spans)-1])
	for i := range t.spans {
		s := &t.spans[i]
		s.StartTime += began
		for j := range s.Logs {
			s.Logs[j].Timestamp += began
		}
	}
	return t.spans
}

// begin starts a span at a time. Its parent is nil for a root.
func (t *story) begin(by Service, operation string, parent *act, at int64, tags ...jaegerthrift.Tag) *act {
	a := &act{story: t, now: at}
	a.span = Span{Service: by, Span: jaegerthrift.Span{
		TraceIDLow: t.id, SpanID: t.id, OperationName: operation, Flags: 1, StartTime: at, Tags: tags,
	}}
	if parent != nil {
		// A root has the id of its trace, as in jaeger-client-go.
		a.span.SpanID, a.span.ParentSpanID = t.Shop.id(), parent.span.SpanID
	}
	return a
}

// end reports the span.
func (a *act) end() {
	a.span.Duration = max(a.now-a.span.StartTime, 1)
	if a.failed {
		a.tag(truth("error", true))
	}
	a.spans = append(a.spans, a.span)
}

func (a *act) tag(tags ...jaegerthrift.Tag) { a.span.Tags = append(a.span.Tags, tags...) }

func (a *act) log(fields ...jaegerthrift.Tag) {
	a.span.Logs = append(a.span.Logs, jaegerthrift.Log{Timestamp: a.now, Fields: fields})
}

// fail notes an error as OpenTracing's conventions have it.
func (a *act) fail(kind, message string) {
	a.failed = true
	a.log(text("event", "error"), text("error.kind", kind), text("message", message))
}

// chance is true so many times in a hundred.
func (t *story) chance(percent float64) bool { return t.rand.Float64()*100 < percent }

// about is a duration near ms milliseconds, in microseconds: most are close,
// few are far above, as in life.
func (t *story) about(ms float64) int64 {
	us := ms * 1000 * math.Exp(t.rand.NormFloat64()*0.35)
	if t.chance(0.7) {
		us *= 4 + 6*t.rand.Float64()
	}
	return int64(us) + 1
}

// work is time that the service spends by itself.
func (a *act) work(ms float64) { a.now += a.about(ms) }

// request is what a visitor sends.
func (t *story) request(method, route, url string, do func(*act)) {
	a := t.begin(Frontend, method+" "+route, nil, 0,
		text("span.kind", "server"), text("component", "net/http"),
		text("http.method", method), text("http.url", url))
	do(a)
	a.work(0.3)
	status := 200
	if a.failed {
		status = 500
	}
	a.tag(number("http.status_code", status))
	a.end()
}

// call has another service do something: a span here, and one there if it is
// instrumented. It reports whether that went well.
func (a *act) call(to Service, operation string, do func(*act)) bool {
	c := a.begin(a.span.Service, operation, a, a.now,
		text("span.kind", "client"), text("component", "grpc"), text("peer.service", to.String()))
	c.work(0.15)
	s := a.begin(to, operation, c, c.now, text("span.kind", "server"), text("component", "grpc"))
	if to < a.services {
		do(s)
		s.work(0.1)
		s.end()
	} else {
		s.work(6)
	}
	c.now = s.now
	c.work(0.15)
	c.failed = s.failed
	a.now = c.now
	c.end()
	return !s.failed
}

// together does several things at once and goes on when all are done.
func (a *act) together(do ...func(*act)) {
	began, done := a.now, a.now
	for _, f := range do {
		a.now = began
		f(a)
		done = max(done, a.now)
	}
	a.now = done
}

// later has another service do something that nobody waits for.
func (a *act) later(to Service, topic, operation string, do func(*act)) {
	p := a.begin(a.span.Service, "publish "+topic, a, a.now,
		text("span.kind", "producer"), text("component", "kafka"), text("message_bus.destination", topic))
	p.work(0.8)
	a.now = p.now
	p.end()
	if to >= a.services {
		return
	}
	c := a.begin(to, operation, p, p.now+a.about(40),
		text("span.kind", "consumer"), text("component", "kafka"), text("message_bus.destination", topic))
	c.span.References = []jaegerthrift.SpanRef{{
		RefType: jaegerthrift.FollowsFrom, TraceIDLow: a.story.id, SpanID: p.span.SpanID,
	}}
	do(c)
	c.end()
}

// redis asks the cache.
func (a *act) redis(command, key string) {
	r := a.begin(a.span.Service, command, a, a.now,
		text("span.kind", "client"), text("component", "go-redis"), text("db.type", "redis"),
		text("db.statement", command+" "+key), text("peer.service", "redis"))
	r.work(0.6)
	a.now = r.now
	r.end()
}

// sql asks the database. A problem, if any, is how that fails.
func (a *act) sql(statement string, ms float64, rows int, problem string) bool {
	verb := statement[:strings.IndexByte(statement, ' ')]
	q := a.begin(a.span.Service, verb+" shop", a, a.now,
		text("span.kind", "client"), text("component", "pgx"), text("db.type", "sql"), text("db.instance", "shop"),
		text("db.statement", statement), text("peer.service", "postgres"))
	q.work(ms)
	if problem != "" {
		q.fail("PgError", problem)
	} else {
		q.tag(number("db.rows", rows))
	}
	a.now = q.now
	q.end()
	return problem == ""
}

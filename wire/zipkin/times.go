package zipkin

// times are those of a span's annotations, in microseconds, from which its start
// and duration come where it does not say them itself. Trackers before Zipkin
// 0.15 never did.
type times struct {
	n           int // annotations
	first, last int64

	noted       bool // there is one with a value
	early, late int64

	hasSend, hasRecv, hasServe bool
	send, firstSend            int64 // of the last and the first "cs"
	recv                       int64 // of the last "cr"
	serve                      int64 // of the last "sr"
}

func (v *times) add(a *annotation) {
	if v.n == 0 {
		v.first = a.time
	}
	v.n++
	v.last = a.time
	if len(a.value) == 0 {
		return
	}
	if !v.noted || a.time < v.early {
		v.early = a.time
	}
	if !v.noted || a.time > v.late {
		v.late = a.time
	}
	v.noted = true
	switch string(a.value) {
	case "cs":
		if !v.hasSend {
			v.firstSend = a.time
		}
		v.send, v.hasSend = a.time, true
	case "cr":
		v.recv, v.hasRecv = a.time, true
	case "sr":
		v.serve, v.hasServe = a.time, true
	}
}

// span is when a span starts and ends, in nanoseconds: as it says itself; then
// as the Jaeger Agent derived it (jaegertracing/jaeger v1.62.0,
// cmd/collector/app/sanitizer/zipkin, spanStartTimeSanitizer and
// spanDurationSanitizer); then as contrib does, between the annotations. A
// start of 0 is none.
func (v *times) span(s *span) (start, end uint64) {
	begin, duration := s.start, s.duration
	if begin == 0 {
		switch {
		case v.hasSend:
			begin = v.firstSend
		case v.hasServe && !s.hasParent:
			begin = v.serve
		}
	}
	switch {
	case !s.hasDuration:
		duration = 1
		first, last := v.first, v.last
		if v.hasSend {
			first = v.send
		}
		if v.hasRecv {
			last = v.recv
		}
		if v.n >= 2 && first < last {
			duration = last - first
			if begin == 0 {
				begin = first
			}
		}
	case duration < 0:
		duration = 1
	}
	if begin == 0 && v.noted {
		return sinceEpoch(v.early), sinceEpoch(v.late)
	}
	return sinceEpoch(begin), sinceEpoch(begin + duration)
}

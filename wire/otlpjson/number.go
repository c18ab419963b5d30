package otlpjson

import (
	"math"
	"strconv"

	"github.com/wayside-tracing/wayside/wire/json"
)

// anyInt reads the intValue of an AnyValue. JavaScript has one kind of number,
// and OpenTelemetry's exporter for it writes all that are whole here, those that
// no int64 holds as well: such a one is a double, with these bits. -2⁶³ it
// writes as -9223372036854776000.
func anyInt(r *json.Reader) (v int64, bits uint64, isDouble bool) {
	r.Peek()
	start := r.Offset()
	s := r.Number()
	v, ok := json.Signed(s, 64)
	if ok {
		return v, 0, false
	}
	d, err := strconv.ParseFloat(string(s), 64)
	switch {
	case err != nil || math.Abs(d) < 1<<63: // the latter has a fraction
		r.FailAt(json.OutOfRange, start)
	case d == math.MinInt64:
		return math.MinInt64, 0, false
	}
	return 0, math.Float64bits(d), true
}

// enumNumber reads the number of an enum.
func enumNumber(r *json.Reader) int64 {
	if r.Peek() == '"' {
		r.Fail("an enum must be a number")
		return 0
	}
	return r.Signed(32)
}

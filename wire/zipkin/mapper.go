package zipkin

import (
	"math"
	"strconv"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// mapper finds the status of a span in version 1, as contrib's statusMapper does
// (zipkinv1/status_code.go): the best source of several counts, and of one source
// what comes last.
type mapper struct {
	census, code, failed, http told
}

// told is what one source says.
type told struct {
	set     bool
	code    int64
	message []byte
}

func (s *told) put(code int64) { s.set, s.code = true, code }

// status is the span's.
func (m *mapper) status() (code int64, message []byte) {
	switch {
	case m.census.set:
		return m.census.code, m.census.message
	case m.code.set:
		return m.code.code, m.code.message
	case m.failed.set && len(m.census.message) > 0:
		return otlp.StatusError, m.census.message
	case m.failed.set:
		return otlp.StatusError, m.code.message
	case m.http.set:
		return m.http.code, m.http.message
	}
	return otlp.StatusUnset, nil
}

// drops looks at a tag, and says whether it is no attribute.
func (m *mapper) drops(g *tag) bool {
	switch string(g.key) {
	case "census.status_code": // OpenCensus': 0 is OK
		if code, ok := statusNumber(g); ok {
			m.census.put(otlp.StatusError)
			if code == 0 {
				m.census.put(otlp.StatusOK)
			}
		}
	case "census.status_description", "opencensus.status_description":
		m.census.message = message(g)
	case "otel.status_code":
		if code, ok := statusNumber(g); ok {
			m.code.put(code)
		} else if code := statusWord(g.text); g.kind == ofText && code >= 0 {
			m.code.put(code)
		}
	case "otel.status_description":
		m.code.message = message(g)
	case "error":
		if g.number == 1 { // a bool: sanitize
			m.failed.put(otlp.StatusError)
		}
	case "http.status_code", "http.response.status_code":
		if code, ok := statusNumber(g); ok {
			m.http.put(otlp.StatusError)
			if code >= 100 && code < 400 {
				m.http.put(otlp.StatusUnset)
			}
		}
		return false
	case "http.status_message":
		m.http.message = message(g)
		return false
	default:
		return false
	}
	return true
}

func message(g *tag) []byte {
	if g.kind != ofText {
		return nil
	}
	return g.text
}

// statusNumber is a status that is a number of 32 bits, or a text of one.
func statusNumber(g *tag) (code int64, ok bool) {
	switch g.kind {
	case ofInt:
		code = int64(g.number)
	case ofText:
		// ParseInt says no with an error, which takes memory.
		if len(g.text) == 0 || len(g.text) > len("-2147483648") || g.text[len(g.text)-1]-'0' > 9 {
			return 0, false
		}
		n, err := strconv.ParseInt(string(g.text), 10, 64)
		if err != nil {
			return 0, false
		}
		code = n
	default:
		return 0, false
	}
	return code, code >= math.MinInt32 && code <= math.MaxInt32
}

// statusWord is a status as the tag otel.status_code has it, or negative. In
// version 2 contrib knows STATUS_CODE_OK and Ok (zipkinv2/to_translator.go,
// statusCodeValue); OK is what the specification writes
// (opentelemetry-specification, trace/sdk_exporters/zipkin.md, "Status").
func statusWord(s []byte) int64 {
	switch string(s) {
	case "OK", "Ok", "STATUS_CODE_OK":
		return otlp.StatusOK
	case "ERROR", "Error", "STATUS_CODE_ERROR":
		return otlp.StatusError
	case "UNSET", "Unset", "STATUS_CODE_UNSET":
		return otlp.StatusUnset
	}
	return -1
}

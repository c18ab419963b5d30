package otlpjson

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// AppendTraceResponse appends an ExportTraceServiceResponse. A success without
// reserve is the empty object.
func AppendTraceResponse(dst []byte, p grpc.PartialSuccess) []byte {
	dst = append(dst, '{')
	if p != (grpc.PartialSuccess{}) {
		dst = append(dst, `"partialSuccess":{`...)
		if p.Rejected != 0 {
			dst = append(dst, `"rejectedSpans":"`...)
			dst = strconv.AppendInt(dst, p.Rejected, 10)
			dst = append(dst, '"')
		}
		if p.Message != "" {
			if p.Rejected != 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `"errorMessage":`...)
			dst = appendText(dst, p.Message)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// AppendStatus appends a google.rpc.Status, the body of an HTTP answer that is
// no success, with a RetryInfo if there is a delay.
func AppendStatus(dst []byte, s grpc.Status) []byte {
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendUint(dst, uint64(s.Code), 10)
	if s.Message != "" {
		dst = append(dst, `,"message":`...)
		dst = appendText(dst, s.Message)
	}
	if s.RetryDelay > 0 {
		dst = append(dst, `,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"`...)
		dst = strconv.AppendInt(dst, int64(s.RetryDelay/time.Second), 10)
		if nanos := int64(s.RetryDelay % time.Second); nanos > 0 {
			// Nine digits: one more, in front, keeps the zeros, and is the point.
			point := len(dst)
			dst = strconv.AppendInt(dst, int64(time.Second)+nanos, 10)
			dst[point] = '.'
		}
		dst = append(dst, `s"}]`...)
	}
	return append(dst, '}')
}

// appendText appends a string. Bytes that are not UTF-8 become U+FFFD.
func appendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s { // a byte that is not UTF-8 is RuneError here
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return append(dst, '"')
}

package grpc

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestCodes(t *testing.T) {
	for s, want := range map[string]Code{
		"0": OK, "1": Cancelled, "8": ResourceExhausted, "16": Unauthenticated,
		"17": Unknown, "-1": Unknown, "300": Unknown, "": Unknown, "OK": Unknown,
	} {
		if got := ParseCode(s); got != want {
			t.Errorf("ParseCode(%q) = %v, want %v", s, got, want)
		}
	}
	if got := DeadlineExceeded.String(); got != "DEADLINE_EXCEEDED" {
		t.Errorf("String = %q", got)
	}
	if got := Code(99).String(); got != "CODE(99)" {
		t.Errorf("String = %q", got)
	}
	for http, want := range map[int]Code{
		200: Unknown, 400: Internal, 401: Unauthenticated, 403: PermissionDenied, 404: Unimplemented,
		408: Unavailable, 413: Unknown, 429: Unavailable, 500: Unknown, 502: Unavailable, 503: Unavailable, 504: Unavailable,
	} {
		if got := FromHTTP(http); got != want {
			t.Errorf("FromHTTP(%d) = %v, want %v", http, got, want)
		}
	}
}

func TestContentType(t *testing.T) {
	for s, want := range map[string]bool{
		"application/grpc": true, "application/grpc+proto": true, "application/grpc;charset=utf-8": true,
		"application/grpc-web": false, "application/json": false, "": false,
	} {
		if got := IsContentType(s); got != want {
			t.Errorf("IsContentType(%q) = %v", s, got)
		}
	}
}

func TestMessage(t *testing.T) {
	body := append(AppendPrefix(nil, true, 3), "abc"...)
	msg, compressed, err := ReadMessage(body)
	if string(msg) != "abc" || !compressed || err != nil {
		t.Errorf("ReadMessage = %q, %v, %v", msg, compressed, err)
	}
	n, compressed, err := ReadPrefix([PrefixLen]byte{0, 0, 1, 0, 0}, 1<<16)
	if n != 1<<16 || compressed || err != nil {
		t.Errorf("ReadPrefix = %d, %v, %v", n, compressed, err)
	}
	_, _, err = ReadPrefix([PrefixLen]byte{0, 0, 1, 0, 1}, 1<<16)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "larger than max (65537 vs. 65536)") {
		t.Errorf("one byte over the limit: %v", err)
	}
	for name, body := range map[string]string{
		"empty":         "",
		"half a prefix": "\x00\x00\x00",
		"cut off":       "\x00\x00\x00\x00\x04abc",
		"huge":          "\x00\xff\xff\xff\xffabc",
		"two messages":  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"unknown flag":  "\x02\x00\x00\x00\x00",
	} {
		if _, _, err := ReadMessage([]byte(body)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatus(t *testing.T) {
	// Made with grpc-go 1.81.1 (status.WithDetails) and protobuf-go.
	const (
		slowDown = "CAgSCXNsb3cgZG93bho2Cih0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuUmV0cnlJbmZvEgoKCAgBEIDKte4B"
		// A DebugInfo stands before the RetryInfo.
		busy = "CA4SBGJ1c3kaLwoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLkRlYnVnSW5mbxIDEgF4GjAKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SBAoCCAI"
	)
	for _, c := range []struct {
		name, code, message, details string
		want                         Status
	}{
		{"plain", "14", "gone", "", Status{Code: Unavailable, Message: "gone"}},
		{"retry info", "8", "slow down", slowDown, Status{ResourceExhausted, "slow down", 1500 * time.Millisecond}},
		{"second detail, no padding", "14", "busy", busy, Status{Unavailable, "busy", 2 * time.Second}},
		{"padding", "14", "", busy + "=", Status{Unavailable, "", 2 * time.Second}},
		{"two headers joined", "14", "", busy + "," + slowDown, Status{Unavailable, "", 2 * time.Second}},
		{"not base64", "14", "", "§", Status{Code: Unavailable}},
		{"cut off", "14", "", busy[:40], Status{Code: Unavailable}},
	} {
		if got := ParseStatus(c.code, c.message, c.details); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := (Status{ResourceExhausted, "slow down", 1500 * time.Millisecond}).Details(); got != slowDown {
		t.Errorf("Details = %s", got)
	}
	if got := (Status{Code: Internal, Message: "x"}).Details(); got != "" {
		t.Errorf("Details without a delay = %s", got)
	}
}

// The body of an OTLP HTTP answer that is no success is the same message.
func TestReadStatus(t *testing.T) {
	for s, want := range map[string]Status{
		"\x08\x0e\x12\x04busy": {Code: Unavailable, Message: "busy"},
		"\x08\x63\x12\x01\xff": {Code: Unknown, Message: "\uFFFD"},
		"\x12\x04bus":          {},
		"":                     {},
		string(Status{ResourceExhausted, "slow", time.Second}.AppendProto(nil)): {ResourceExhausted, "slow", time.Second},
	} {
		if got := ReadStatus([]byte(s)); got != want {
			t.Errorf("%q: got %+v, want %+v", s, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	seconds := func(s, n int64) []byte {
		return appendVarint(appendVarint(nil, durationSeconds, uint64(s)), durationNanos, uint64(n))
	}
	for _, c := range []struct {
		s, n int64
		want time.Duration
	}{
		{0, 0, 0},
		{3, 5, 3*time.Second + 5},
		{-3, 0, 0},
		{0, -1, 0},
		{1, 1e9, 0},
		{math.MaxInt64, 0, math.MaxInt64},
	} {
		if got := duration(seconds(c.s, c.n)); got != c.want {
			t.Errorf("%d s, %d ns = %v, want %v", c.s, c.n, got, c.want)
		}
	}
}

func TestEncodeMessage(t *testing.T) {
	for text, want := range map[string]string{
		"":              "",
		"plain ~ text":  "plain ~ text",
		"100%":          "100%25",
		"line\nfeed":    "line%0Afeed",
		"größer":        "gr%C3%B6%C3%9Fer",
		"\x00\x7f\xff!": "%00%7F%FF!",
	} {
		if got := EncodeMessage(text); got != want {
			t.Errorf("EncodeMessage(%q) = %q, want %q", text, got, want)
		}
	}
	for in, want := range map[string]string{
		"gr%C3%B6%c3%9Fer": "größer",
		"100%":             "100%",
		"%4":               "%4",
		"%zz%41":           "%zzA",
		"%25%32%35":        "%25",
		"%FF!":             "\uFFFD!",
		"\xff":             "\uFFFD",
	} {
		if got := DecodeMessage(in); got != want {
			t.Errorf("DecodeMessage(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTimeout(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1:               "1n",
		0:                "1n",
		99_999_999:       "99999999n",
		100_000_000:      "100000u",
		10 * time.Second: "10000000u",
		1000 * time.Hour: "3600000S",
		math.MaxInt64:    "2562047H",
	} {
		if got := EncodeTimeout(d); got != want {
			t.Errorf("EncodeTimeout(%d) = %s, want %s", d, got, want)
		}
	}
	for s, want := range map[string]time.Duration{
		"1n": 1, "20u": 20 * time.Microsecond, "3m": 3 * time.Millisecond, "10S": 10 * time.Second,
		"2M": 2 * time.Minute, "1H": time.Hour, "0S": 0, "99999999H": math.MaxInt64,
	} {
		if got, err := ParseTimeout(s); got != want || err != nil {
			t.Errorf("ParseTimeout(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "S", "1", "1s", "123456789S", "-1S", "+1S", "1.5S", "1 S"} {
		if _, err := ParseTimeout(s); err == nil {
			t.Errorf("ParseTimeout(%q) gave no error", s)
		}
	}
}

func TestTraceResponse(t *testing.T) {
	for _, p := range []PartialSuccess{{}, {Rejected: 3, Message: "too old"}, {Message: "a warning"}, {Rejected: -1}} {
		if got := ReadTraceResponse(AppendTraceResponse(nil, p)); got != p {
			t.Errorf("got %+v, want %+v", got, p)
		}
	}
	// partial_success {rejected_spans: 300, error_message: "no"}, written by hand.
	if got := ReadTraceResponse([]byte("\x0a\x07\x08\xac\x02\x12\x02no")); got != (PartialSuccess{300, "no"}) {
		t.Errorf("got %+v", got)
	}
	// Unknown fields of every wire type are passed over.
	odd := "\x11\x00\x00\x00\x00\x00\x00\x00\x00" + "\x1d\x00\x00\x00\x00" + "\x20\x05" + "\x2a\x01x" + "\x0a\x02\x08\x07"
	if got := ReadTraceResponse([]byte(odd)); got.Rejected != 7 {
		t.Errorf("after unknown fields: %+v", got)
	}
}

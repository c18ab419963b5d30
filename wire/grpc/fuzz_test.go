package grpc

import (
	"testing"
	"unicode/utf8"
)

func FuzzStatus(f *testing.F) {
	f.Add("8", "slow%20down", "CAgSCXNsb3cgZG93bho2Cih0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuUmV0cnlJbmZvEgoKCAgBEIDKte4B")
	f.Add("14", "%", "AA==")
	f.Fuzz(func(t *testing.T, code, message, details string) {
		s := ParseStatus(code, message, details)
		if s.Code >= Codes || s.RetryDelay < 0 || !utf8.ValidString(s.Message) {
			t.Fatalf("%+v", s)
		}
		// What we write of it we read again.
		if got := ParseStatus(code, EncodeMessage(s.Message), s.Details()); got != s {
			t.Fatalf("got %+v, want %+v", got, s)
		}
	})
}

func FuzzTraceResponse(f *testing.F) {
	f.Add([]byte("\x0a\x07\x08\xac\x02\x12\x02no"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		p := ReadTraceResponse(msg)
		if got := ReadTraceResponse(AppendTraceResponse(nil, p)); got != p {
			t.Fatalf("got %+v, want %+v", got, p)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x03abc"))
	f.Fuzz(func(t *testing.T, body []byte) {
		msg, compressed, err := ReadMessage(body)
		if err != nil {
			return
		}
		if got := append(AppendPrefix(nil, compressed, len(msg)), msg...); string(got) != string(body) {
			t.Fatalf("got %x, want %x", got, body)
		}
	})
}

func FuzzTimeout(f *testing.F) {
	f.Add("10S")
	f.Add("99999999H")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseTimeout(s)
		if err != nil || d == 0 {
			return
		}
		// Written again it is the same, or shorter by less than its unit.
		got, err := ParseTimeout(EncodeTimeout(d))
		if err != nil || got > d || float64(got) < 0.99*float64(d) {
			t.Fatalf("%q is %v, and again %v, %v", s, d, got, err)
		}
	})
}

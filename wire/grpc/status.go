package grpc

import (
	"encoding/base64"
	"strings"
	"time"
)

// Status is how a call ended.
type Status struct {
	Code    Code
	Message string
	// RetryDelay is how long the server wants the caller to wait
	// (google.rpc.RetryInfo); 0 when it does not say.
	RetryDelay time.Duration
}

// Error makes a status the error of who makes or answers a call.
func (s Status) Error() string { return s.Code.String() + ": " + s.Message }

// ParseStatus reads the headers grpc-status, grpc-message and
// grpc-status-details-bin. The last two may be empty or damaged: what can't be
// read of them is left out, since the status itself is what counts.
func ParseStatus(code, message, details string) Status {
	return Status{
		Code:       ParseCode(code),
		Message:    DecodeMessage(message),
		RetryDelay: retryDelay(decodeBinary(details)),
	}
}

// ReadStatus reads a google.rpc.Status, up to where it is damaged.
func ReadStatus(msg []byte) Status {
	s := Status{RetryDelay: retryDelay(msg)}
	for f := range fields(msg) {
		switch f.number {
		case statusCode:
			s.Code = Unknown
			if f.value < uint64(Codes) {
				s.Code = Code(f.value)
			}
		case statusMessage:
			s.Message = strings.ToValidUTF8(string(f.data), "\uFFFD")
		}
	}
	return s
}

// Details is the grpc-status-details-bin of a status; "" when grpc-status and
// grpc-message say everything.
func (s Status) Details() string {
	if s.RetryDelay <= 0 {
		return ""
	}
	return base64.RawStdEncoding.EncodeToString(s.AppendProto(nil))
}

// EncodeMessage makes a grpc-message of a text: bytes other than printable
// ASCII, and the percent sign, become %XX.
func EncodeMessage(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		if c := s[i]; plain(rune(c)) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

// plain says which characters stand for themselves in a grpc-message.
func plain(r rune) bool { return r >= ' ' && r <= '~' && r != '%' }

// DecodeMessage reads a grpc-message. A percent sign that two hex digits do
// not follow stands for itself; what is not UTF-8 is replaced.
func DecodeMessage(s string) string {
	if !strings.Contains(s, "%") {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi < 16 && lo < 16 {
				b = append(b, hi<<4|lo)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// decodeBinary reads a "-bin" header: base64 with or without padding, of which
// several may be joined by commas. Only the first counts here.
func decodeBinary(s string) []byte {
	s, _, _ = strings.Cut(s, ",")
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil
	}
	return b
}

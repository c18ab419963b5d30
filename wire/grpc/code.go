package grpc

import "strconv"

// Code is the status of a call (statuscodes.md).
type Code uint8

// All codes, in the order of their numbers.
const (
	OK Code = iota
	Cancelled
	Unknown
	InvalidArgument
	DeadlineExceeded
	NotFound
	AlreadyExists
	PermissionDenied
	ResourceExhausted
	FailedPrecondition
	Aborted
	OutOfRange
	Unimplemented
	Internal
	Unavailable
	DataLoss
	Unauthenticated
	// Codes is the number of codes.
	Codes
)

var names = [Codes]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// String is the code's name as the specification writes it.
func (c Code) String() string {
	if c >= Codes {
		return "CODE(" + strconv.Itoa(int(c)) + ")"
	}
	return names[c]
}

// ParseCode reads a grpc-status. Numbers that no code has, and what is not a
// number, are Unknown.
func ParseCode(s string) Code {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n >= uint64(Codes) {
		return Unknown
	}
	return Code(n)
}

// FromHTTP is the code of an answer that has no grpc-status, by its HTTP
// status (http-grpc-status-mapping.md). 408 is not in that list; it means that
// the request did not arrive in time, as UNAVAILABLE does.
func FromHTTP(status int) Code {
	switch status {
	case 400:
		return Internal
	case 401:
		return Unauthenticated
	case 403:
		return PermissionDenied
	case 404:
		return Unimplemented
	case 408, 429, 502, 503, 504:
		return Unavailable
	default:
		return Unknown // 200 as well: a call that went well has a grpc-status
	}
}

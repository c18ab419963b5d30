package grpc

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// PrefixLen is the number of bytes in front of a message.
const PrefixLen = 5

// Errors of what stands where a message should be.
var (
	// ErrTooLarge is wrapped by the error for a message over the limit. A
	// server answers RESOURCE_EXHAUSTED, with the error as its message.
	ErrTooLarge = errors.New("received message larger than max")
	// ErrMalformed is wrapped by all other errors.
	ErrMalformed = errors.New("malformed gRPC message")
)

// AppendPrefix appends the prefix of a message of n bytes.
func AppendPrefix(dst []byte, compressed bool, n int) []byte {
	var flag byte
	if compressed {
		flag = 1
	}
	return binary.BigEndian.AppendUint32(append(dst, flag), uint32(n))
}

// ReadPrefix reads the prefix of a message, which may have limit bytes at most.
// A reader that was given n reserves no more memory than that.
func ReadPrefix(p [PrefixLen]byte, limit int) (n int, compressed bool, err error) {
	if p[0] > 1 {
		return 0, false, fmt.Errorf("%w: flag %#x", ErrMalformed, p[0])
	}
	length := binary.BigEndian.Uint32(p[1:])
	if uint64(length) > uint64(max(limit, 0)) {
		return 0, false, fmt.Errorf("%w (%d vs. %d)", ErrTooLarge, length, limit)
	}
	return int(length), p[0] == 1, nil
}

// ReadMessage returns the message of a body that holds one message and nothing
// else. It aliases body.
func ReadMessage(body []byte) (msg []byte, compressed bool, err error) {
	if len(body) < PrefixLen {
		return nil, false, fmt.Errorf("%w: %d bytes", ErrMalformed, len(body))
	}
	n, compressed, err := ReadPrefix([PrefixLen]byte(body), len(body)-PrefixLen)
	if errors.Is(err, ErrTooLarge) {
		return nil, false, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	if err != nil {
		return nil, false, err
	}
	if n < len(body)-PrefixLen {
		return nil, false, fmt.Errorf("%w: %d bytes follow it", ErrMalformed, len(body)-PrefixLen-n)
	}
	return body[PrefixLen:], compressed, nil
}

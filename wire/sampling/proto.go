package sampling

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/protobuf"
)

// Field numbers of jaeger-idl, proto/api_v2/sampling.proto.
const (
	// SamplingStrategyParameters
	parametersService = 1

	// SamplingStrategyResponse
	responseType          = 1
	responseProbabilistic = 2
	responseRateLimiting  = 3
	responseByOperation   = 4

	// ProbabilisticSamplingStrategy
	probabilisticRate = 1

	// RateLimitingSamplingStrategy
	rateLimitingMax = 1

	// PerOperationSamplingStrategies
	byOperationDefault    = 1
	byOperationLower      = 2
	byOperationOperations = 3
	byOperationUpper      = 4

	// OperationSamplingStrategy
	operationName          = 1
	operationProbabilistic = 2
)

// ErrMalformed is wrapped by errors of what is no message, or no strategy.
var ErrMalformed = errors.New("malformed")

// AppendRequest appends a SamplingStrategyParameters.
func AppendRequest(dst []byte, service string) []byte {
	var b otlp.Builder
	if service != "" {
		b.TextString(parametersService, service)
	}
	return append(dst, b.Bytes()...)
}

// ReadRequest is the service of a SamplingStrategyParameters.
func ReadRequest(msg []byte) (service string, err error) {
	err = walk(msg, func(f field) error {
		if f.number != parametersService {
			return nil
		}
		var err error
		service, err = f.text()
		return err
	})
	return service, err
}

// AppendProto appends the strategy as a SamplingStrategyResponse.
func (s *Strategy) AppendProto(dst []byte) []byte {
	var b otlp.Builder
	if s.Type != 0 {
		b.Varint(responseType, uint64(s.Type))
	}
	probabilistic(&b, responseProbabilistic, s.Probabilistic)
	if s.RateLimiting != nil {
		m := b.Open(responseRateLimiting, 0)
		if n := s.RateLimiting.MaxTracesPerSecond; n != 0 {
			b.Varint(rateLimitingMax, uint64(n))
		}
		b.Close(m)
	}
	if o := s.ByOperation; o != nil {
		m := b.Open(responseByOperation, 32*len(o.Operations))
		double(&b, byOperationDefault, o.DefaultProbability)
		double(&b, byOperationLower, o.LowerBound)
		for _, op := range o.Operations {
			m := b.Open(byOperationOperations, len(op.Name)+16)
			if op.Name != "" {
				b.TextString(operationName, op.Name)
			}
			probabilistic(&b, operationProbabilistic, op.Probabilistic)
			b.Close(m)
		}
		double(&b, byOperationUpper, o.UpperBound)
		b.Close(m)
	}
	return append(dst, b.Bytes()...)
}

func probabilistic(b *otlp.Builder, field int, p *Probabilistic) {
	if p == nil {
		return
	}
	m := b.Open(field, 9)
	double(b, probabilisticRate, p.Rate)
	b.Close(m)
}

func double(b *otlp.Builder, field int, v float64) {
	if bits := math.Float64bits(v); bits != 0 {
		b.Fixed64(field, bits)
	}
}

// ReadProto reads a SamplingStrategyResponse. Of a field that comes twice the
// last counts: those who write it never do that. The message is not kept.
func ReadProto(msg []byte) (*Strategy, error) {
	s := &Strategy{}
	err := walk(msg, func(f field) (err error) {
		switch f.number {
		case responseType:
			s.Type = Type(f.value)
		case responseProbabilistic:
			s.Probabilistic, err = readProbabilistic(f)
		case responseRateLimiting:
			s.RateLimiting = &RateLimiting{}
			err = f.message(func(f field) error {
				if f.number == rateLimitingMax {
					s.RateLimiting.MaxTracesPerSecond = int32(f.value)
				}
				return nil
			})
		case responseByOperation:
			s.ByOperation, err = readByOperation(f)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func readProbabilistic(f field) (*Probabilistic, error) {
	p := &Probabilistic{}
	return p, f.message(func(f field) (err error) {
		if f.number == probabilisticRate {
			p.Rate, err = f.double()
		}
		return err
	})
}

func readByOperation(f field) (*ByOperation, error) {
	o := &ByOperation{}
	return o, f.message(func(f field) (err error) {
		switch f.number {
		case byOperationDefault:
			o.DefaultProbability, err = f.double()
		case byOperationLower:
			o.LowerBound, err = f.double()
		case byOperationUpper:
			o.UpperBound, err = f.double()
		case byOperationOperations:
			var op Operation
			op, err = readOperation(f)
			o.Operations = append(o.Operations, op)
		}
		return err
	})
}

func readOperation(f field) (op Operation, err error) {
	err = f.message(func(f field) (err error) {
		switch f.number {
		case operationName:
			op.Name, err = f.text()
		case operationProbabilistic:
			op.Probabilistic, err = readProbabilistic(f)
		}
		return err
	})
	return op, err
}

// field is one field of a message.
type field struct {
	number int
	wire   int
	value  uint64 // of a varint or of eight bytes
	data   []byte // of a string or a message; aliases the message
}

func (f field) message(each func(field) error) error {
	if f.wire != protobuf.Bytes {
		return fmt.Errorf("%w: field %d is no message", ErrMalformed, f.number)
	}
	return walk(f.data, each)
}

func (f field) text() (string, error) {
	if f.wire != protobuf.Bytes || !utf8.Valid(f.data) {
		return "", fmt.Errorf("%w: field %d is no text", ErrMalformed, f.number)
	}
	return string(f.data), nil
}

func (f field) double() (float64, error) {
	v := math.Float64frombits(f.value)
	if f.wire != protobuf.Fixed64 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%w: field %d is no finite number", ErrMalformed, f.number)
	}
	return v, nil
}

// walk calls each for every field of a message, in order.
func walk(msg []byte, each func(field) error) error {
	for len(msg) > 0 {
		var f protobuf.Field
		rest, err := f.Next(msg)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if err := each(field{f.Key.Number(), f.Key.Wire(), f.Value, f.Data}); err != nil {
			return err
		}
		msg = rest
	}
	return nil
}

package sampling

import (
	"fmt"

	"github.com/wayside-tracing/wayside/wire/json"
)

// Parse reads what comes from a URL: a strategy, the answer to one who asks for
// a service, or a strategies file. One of the two is nil. The text is not kept.
func Parse(text []byte) (*Strategy, *Strategies, error) {
	f := newFileReader()
	f.r.Reset(text)
	s := &Strategy{}
	isFile, isStrategy := false, false
	for ok := f.r.First('{', '}'); ok; ok = f.r.Next('}') {
		switch key := string(f.r.Key()); {
		case f.member(key):
			isFile = true
		case s.member(&f.r, key):
			isStrategy = true
		default:
			f.r.Skip()
		}
	}
	f.r.End()
	switch err := f.r.Err(); {
	case err != nil:
		return nil, nil, fmt.Errorf("%w: JSON with %w", ErrMalformed, err)
	case isFile == isStrategy:
		return nil, nil, fmt.Errorf("%w: neither a strategy nor a strategies file", ErrMalformed)
	case isFile:
		return nil, &f.out, nil
	}
	return s, nil, nil
}

// member reads the value of a member of a strategy, if it is one. The type is a
// word or, in the older form, a number.
func (s *Strategy) member(r *json.Reader, key string) bool {
	switch key {
	case "strategyType":
		s.Type = readType(r)
	case "probabilisticSampling":
		s.Probabilistic = parseProbabilistic(r)
	case "rateLimitingSampling":
		if r.Null() {
			break
		}
		s.RateLimiting = &RateLimiting{}
		object(r, func(key string) bool {
			if key != "maxTracesPerSecond" {
				return false
			}
			if !r.Null() {
				s.RateLimiting.MaxTracesPerSecond = int32(r.Signed(32))
			}
			return true
		})
	case "operationSampling":
		if !r.Null() {
			s.ByOperation = parseByOperation(r)
		}
	default:
		return false
	}
	return true
}

func readType(r *json.Reader) Type {
	switch {
	case r.Null():
	case r.Peek() != '"':
		return Type(r.Signed(32))
	default:
		switch string(r.Text()) {
		case "PROBABILISTIC":
		case "RATE_LIMITING":
			return TypeRateLimiting
		default:
			r.Fail("a strategyType that there is not")
		}
	}
	return TypeProbabilistic
}

func parseProbabilistic(r *json.Reader) *Probabilistic {
	if r.Null() {
		return nil
	}
	p := &Probabilistic{}
	object(r, func(key string) bool {
		if key != "samplingRate" {
			return false
		}
		p.Rate = number(r)
		return true
	})
	return p
}

func parseByOperation(r *json.Reader) *ByOperation {
	o := &ByOperation{}
	object(r, func(key string) bool {
		switch key {
		case "defaultSamplingProbability":
			o.DefaultProbability = number(r)
		case "defaultLowerBoundTracesPerSecond":
			o.LowerBound = number(r)
		case "defaultUpperBoundTracesPerSecond":
			o.UpperBound = number(r)
		case "perOperationStrategies":
			if r.Null() {
				break
			}
			for ok := r.First('[', ']'); ok; ok = r.Next(']') {
				if !r.Null() {
					o.Operations = append(o.Operations, parseOperation(r))
				}
			}
		default:
			return false
		}
		return true
	})
	return o
}

func parseOperation(r *json.Reader) (op Operation) {
	object(r, func(key string) bool {
		switch key {
		case "operation":
			if !r.Null() {
				op.Name = string(r.Text())
			}
		case "probabilisticSampling":
			op.Probabilistic = parseProbabilistic(r)
		default:
			return false
		}
		return true
	})
	return op
}

// object reads an object. member reads the value of a member that it knows, and
// says no to others, which are skipped.
func object(r *json.Reader, member func(key string) bool) {
	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
		if !member(string(r.Key())) {
			r.Skip()
		}
	}
}

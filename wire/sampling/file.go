package sampling

import (
	"fmt"
	"math"
	"slices"

	"github.com/wayside-tracing/wayside/wire/json"
)

// DefaultProbability is what Jaeger's collectors tell a service of which their
// strategies file says nothing, or something that they do not understand
// (strategyprovider/static/constants.go).
const DefaultProbability = 0.001

// Strategies are what a strategies file says:
//
//	{"default_strategy":   {"type": "probabilistic", "param": 0.5,
//	                        "operation_strategies": [{"operation": "/health", "type": "probabilistic", "param": 0}]},
//	 "service_strategies": [{"service": "shop", "type": "ratelimiting", "param": 5}]}
//
// A service that is not in it has the default strategy. One that is has its own,
// and of the default's operations those that it does not name itself. That is
// what Jaeger's collectors do since 1.65, and did before with
// --sampling.strategies.bugfix-5270, or when a file had changed.
type Strategies struct {
	fallback *Strategy
	services map[string]*Strategy
}

// Services is how many are named.
func (s *Strategies) Services() int { return len(s.services) }

// For is the strategy of a service.
func (s *Strategies) For(service string) *Strategy {
	own := s.services[service]
	all := s.fallback.ByOperation
	switch {
	case own == nil:
		return s.fallback
	case all == nil:
		return own
	}
	merged := *own
	if own.ByOperation == nil {
		o := *all
		if own.Probabilistic != nil {
			o.DefaultProbability = own.Probabilistic.Rate
		}
		merged.ByOperation = &o
		return &merged
	}
	o := *own.ByOperation
	named := make(map[string]bool, len(o.Operations))
	for _, op := range o.Operations {
		named[op.Name] = true
	}
	o.Operations = slices.Clip(o.Operations) // what is appended goes elsewhere
	for _, op := range all.Operations {
		if !named[op.Name] {
			o.Operations = append(o.Operations, op)
		}
	}
	merged.ByOperation = &o
	return &merged
}

// fileReader reads a strategies file.
type fileReader struct {
	r        json.Reader
	out      Strategies
	warnings []string
}

// ParseStrategies reads a strategies file. Warnings are of what in it has no
// effect, or another than its writer may think. The text is not kept.
func ParseStrategies(text []byte) (s *Strategies, warnings []string, err error) {
	f := newFileReader()
	f.r.Reset(text)
	if !f.r.Null() {
		for ok := f.r.First('{', '}'); ok; ok = f.r.Next('}') {
			key := string(f.r.Key())
			if !f.member(key) {
				f.warn("%q has no meaning in a strategies file", key)
				f.r.Skip()
			}
		}
	}
	f.r.End()
	if err := f.r.Err(); err != nil {
		return nil, nil, fmt.Errorf("no strategies file: JSON with %w", err)
	}
	return &f.out, f.warnings, nil
}

func newFileReader() *fileReader {
	return &fileReader{out: Strategies{fallback: byDefault(), services: map[string]*Strategy{}}}
}

func byDefault() *Strategy { return &Strategy{Probabilistic: &Probabilistic{DefaultProbability}} }

// member reads the value of a member of the file, if it is one.
func (f *fileReader) member(key string) bool {
	switch key {
	case "default_strategy":
		if !f.r.Null() {
			_, f.out.fallback = f.service()
		}
	case "service_strategies":
		if f.r.Null() {
			break
		}
		for ok := f.r.First('[', ']'); ok; ok = f.r.Next(']') {
			if f.r.Null() {
				continue
			}
			name, s := f.service()
			if f.out.services[name] != nil {
				f.warn("service %q is there twice: the last one counts", name)
			}
			f.out.services[name] = s
		}
	default:
		return false
	}
	return true
}

// service reads one strategy with its operations.
func (f *fileReader) service() (name string, s *Strategy) {
	var c choice
	var operations []choice
	for ok := f.r.First('{', '}'); ok; ok = f.r.Next('}') {
		switch key := string(f.r.Key()); key {
		case "service":
			name = f.text()
		case "operation_strategies":
			if f.r.Null() {
				break
			}
			for ok := f.r.First('[', ']'); ok; ok = f.r.Next(']') {
				if !f.r.Null() {
					operations = append(operations, f.operation())
				}
			}
		default:
			f.choice(&c, key)
		}
	}
	who := fmt.Sprintf("service %q", name)
	if name == "" {
		who = "the default strategy"
	}
	s = f.strategy(c, who)
	if len(operations) == 0 {
		return name, s
	}
	o := &ByOperation{DefaultProbability: DefaultProbability}
	if s.Probabilistic != nil {
		o.DefaultProbability = s.Probabilistic.Rate
	}
	for _, c := range operations {
		op := f.strategy(c, fmt.Sprintf("operation %q of %s", c.operation, who))
		if op.Probabilistic == nil {
			f.warn("operation %q of %s is left out: an operation can only be probabilistic", c.operation, who)
			continue
		}
		o.Operations = append(o.Operations, Operation{c.operation, op.Probabilistic})
	}
	s.ByOperation = o
	return name, s
}

// choice is a type with its parameter, perhaps of an operation.
type choice struct {
	operation, kind string
	param           float64
}

func (f *fileReader) operation() (c choice) {
	for ok := f.r.First('{', '}'); ok; ok = f.r.Next('}') {
		switch key := string(f.r.Key()); key {
		case "operation":
			c.operation = f.text()
		default:
			f.choice(&c, key)
		}
	}
	return c
}

func (f *fileReader) choice(c *choice, key string) {
	switch key {
	case "type":
		c.kind = f.text()
	case "param":
		c.param = number(&f.r)
	default:
		f.warn("%q has no meaning in a strategy", key)
		f.r.Skip()
	}
}

// strategy makes what a choice says.
func (f *fileReader) strategy(c choice, who string) *Strategy {
	switch c.kind {
	case "probabilistic":
		if c.param < 0 || c.param > 1 {
			f.warn("%s has probability %v, which tracers refuse: write 0 to 1", who, c.param)
		}
		return &Strategy{Probabilistic: &Probabilistic{c.param}}
	case "ratelimiting":
		if c.param != math.Trunc(c.param) {
			f.warn("%s has %v traces a second, of which tracers are told the whole number only", who, c.param)
		}
		n := int32(min(max(c.param, math.MinInt32), math.MaxInt32))
		return &Strategy{Type: TypeRateLimiting, RateLimiting: &RateLimiting{n}}
	}
	f.warn("%s has type %q, and is given probability %v: write probabilistic or ratelimiting", who, c.kind, DefaultProbability)
	return byDefault()
}

func (f *fileReader) text() string {
	if f.r.Null() {
		return ""
	}
	return string(f.r.Text())
}

// maxWarnings bounds what is said of one file.
const maxWarnings = 100

func (f *fileReader) warn(format string, args ...any) {
	if f.r.OK() && len(f.warnings) < maxWarnings {
		f.warnings = append(f.warnings, fmt.Sprintf(format, args...))
	}
}

// number reads one that is finite; null is 0.
func number(r *json.Reader) float64 {
	if r.Null() {
		return 0
	}
	v := math.Float64frombits(r.Double())
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail("a number that is not finite")
		return 0
	}
	return v
}

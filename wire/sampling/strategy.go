package sampling

import (
	"encoding/json"
	"strconv"
)

// Type is what a strategy was meant to be before strategies by operation came.
type Type int32

// The types that there are.
const (
	TypeProbabilistic Type = 0
	TypeRateLimiting  Type = 1
)

// Strategy is how much a service is to sample. It is not changed after it was
// made: many may have it at once.
type Strategy struct {
	Type          Type
	Probabilistic *Probabilistic
	RateLimiting  *RateLimiting
	ByOperation   *ByOperation
}

// Probabilistic samples a part of all traces.
type Probabilistic struct {
	Rate float64 `json:"samplingRate"` // 0 to 1
}

// RateLimiting samples so many traces a second and no more.
type RateLimiting struct {
	MaxTracesPerSecond int32 `json:"maxTracesPerSecond"`
}

// ByOperation samples by the name of a trace's first span.
type ByOperation struct {
	DefaultProbability float64     `json:"defaultSamplingProbability"`
	LowerBound         float64     `json:"defaultLowerBoundTracesPerSecond"`
	Operations         []Operation `json:"perOperationStrategies"`
	UpperBound         float64     `json:"defaultUpperBoundTracesPerSecond"`
}

// Operation is a name with what it is sampled by.
type Operation struct {
	Name          string         `json:"operation"`
	Probabilistic *Probabilistic `json:"probabilisticSampling"`
}

// text is a Strategy as the answer to tracers, in the order of its fields.
type text struct {
	Type          any            `json:"strategyType"`
	Probabilistic *Probabilistic `json:"probabilisticSampling,omitempty"`
	RateLimiting  *RateLimiting  `json:"rateLimitingSampling,omitempty"`
	ByOperation   *ByOperation   `json:"operationSampling,omitempty"`
}

// JSON is the answer of /sampling, byte for byte as the Jaeger Agent wrote it.
func (s *Strategy) JSON() []byte {
	switch s.Type {
	case TypeProbabilistic:
		return s.json("PROBABILISTIC")
	case TypeRateLimiting:
		return s.json("RATE_LIMITING")
	}
	return s.LegacyJSON() // protobuf's JSON writes the number of what it has no name for
}

// LegacyJSON is the answer of /, with a number for the type, as Thrift 0.9.2 had
// it. The Jaeger Agent had no answer where more than 32767 traces a second are
// allowed, since its Thrift has 16 bits for them; here they stand as they are.
func (s *Strategy) LegacyJSON() []byte { return s.json(int32(s.Type)) }

func (s *Strategy) json(kind any) []byte {
	t := text{Type: kind, Probabilistic: s.Probabilistic, RateLimiting: s.RateLimiting, ByOperation: s.ByOperation}
	if o := t.ByOperation; o != nil && o.Operations == nil {
		full := *o
		full.Operations = []Operation{} // clients expect a list
		t.ByOperation = &full
	}
	b, err := json.Marshal(t)
	if err != nil {
		panic("sampling: " + err.Error()) // only a number that is not finite, which no reader here lets in
	}
	return b
}

// String is the strategy in a few words.
func (s *Strategy) String() string {
	what := "none"
	switch {
	case s.Probabilistic != nil:
		what = "probability " + strconv.FormatFloat(s.Probabilistic.Rate, 'g', -1, 64)
	case s.RateLimiting != nil:
		what = strconv.Itoa(int(s.RateLimiting.MaxTracesPerSecond)) + " traces/s"
	}
	if s.ByOperation != nil {
		what += ", " + strconv.Itoa(len(s.ByOperation.Operations)) + " operations"
	}
	return what
}

// Size is about what the strategy takes of memory, in bytes.
func (s *Strategy) Size() int {
	const own, perOperation = 128, 48
	n := own
	if s.ByOperation != nil {
		for _, op := range s.ByOperation.Operations {
			n += perOperation + len(op.Name)
		}
	}
	return n
}

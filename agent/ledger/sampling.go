package ledger

import "time"

// The states of Sampling.
const (
	SamplingNoSource = "off"
	SamplingIdle     = "idle"    // nobody has asked yet
	SamplingOK       = "ok"      // the source's last answer was one
	SamplingFailing  = "failing" // it was none: what was answered before is served on
)

// Sampling is what the agent tells tracers of how much to sample.
type Sampling struct {
	Source string `json:"source"` // as configured; "" is none
	State  string `json:"state"`
	// Services are those that a file names, or whose answers are kept.
	Services int             `json:"services"`
	Answers  SamplingAnswers `json:"answers"`
	// Requests counts questions to the source (or readings of the file), Failures
	// those that it had no answer to.
	Requests    uint64     `json:"requests"`
	Failures    uint64     `json:"failures"`
	LastError   string     `json:"last_error,omitempty"`
	LastErrorAt *time.Time `json:"last_error_at,omitempty"`
	LastOKAt    *time.Time `json:"last_ok_at,omitempty"`
	// RetryIn is how long until a source that fails is asked again, in seconds.
	RetryIn float64 `json:"retry_in_seconds,omitempty"`
}

// SamplingAnswers counts answers to tracers, by how they asked.
type SamplingAnswers struct {
	HTTP   SamplingCounts `json:"http"`        // /sampling
	Legacy SamplingCounts `json:"http_legacy"` // /
	GRPC   SamplingCounts `json:"grpc"`        // SamplingManager
}

// SamplingCounts counts answers by what they were.
type SamplingCounts struct {
	Fresh  uint64 `json:"fresh"`  // what the source says
	Stale  uint64 `json:"stale"`  // what it said before it failed
	Failed uint64 `json:"failed"` // an error: it has never said anything
	Off    uint64 `json:"off"`    // an error: there is no source
}

// Sum is the number of answers of all kinds.
func (a SamplingAnswers) Sum() (n uint64) {
	for _, c := range []SamplingCounts{a.HTTP, a.Legacy, a.GRPC} {
		n += c.Fresh + c.Stale + c.Failed + c.Off
	}
	return n
}

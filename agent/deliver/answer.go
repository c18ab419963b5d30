package deliver

import (
	"context"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// A Transport speaks a protocol. It may be used by many goroutines at once.
type Transport interface {
	// Export sends one request, the chunks put end to end or as many of their
	// first spans as a request may hold, and waits for its answer, or until ctx
	// ends. No chunks are an empty request. The chunks must not be used after
	// it has returned.
	Export(ctx context.Context, to Target, chunks [][]byte) Answer
}

// A Verdict is what an answer means for the spans that were sent.
type Verdict uint8

// The verdicts.
const (
	// NoAnswer: the export was given up by us. It says nothing of the endpoint.
	NoAnswer Verdict = iota
	// Taken: the spans are delivered, but for those rejected.
	Taken
	// Later: back off, and send the same again.
	Later
	// Refused: halve and send again, down to the span that stands alone.
	Refused
	// Held: the endpoint does not want anything from us. Keep everything,
	// tell people, ask now and then.
	Held
)

// An Answer is what came of an export.
type Answer struct {
	Verdict Verdict
	// Sent is how many spans were sent, and what the answer is about: the first
	// ones. 0 is all of them.
	Sent int
	// Rejected is the number of spans that the endpoint refused for good while
	// it took the others, as the endpoint says. Only with Taken.
	Rejected int64
	// Reason is what a refused span is dropped for: ledger.Rejected or
	// ledger.TooBig. Only with Refused.
	Reason ledger.DropReason
	// RetryAfter is how long the endpoint wants to be left alone; 0 when it
	// does not say.
	RetryAfter time.Duration
	// Err says in a line what went wrong. It is nil only with Taken or NoAnswer.
	Err error
}

// Package ledger is the account of every span that an agent was given.
//
// A span that enters is accepted, or recovered from disk; from then on it is
// delivered, buffered or dropped for a reason that has a name, at every moment
// of the process's life:
//
//	accepted + recovered = delivered + buffered + dropped{reason}
//
// The package holds plain data. A lane's Account is changed only by the lane,
// under the lane's lock, where a span changes hands and nowhere else; so a copy
// made under that lock always obeys the equation.
package ledger

import "fmt"

// A DropReason says why a span that was accepted is not delivered.
type DropReason uint8

// The reasons of a drop, in the order of the JSON in which they are told.
const (
	BufferFull DropReason = iota // pushed out of a full buffer by newer spans
	Expired                      // older than buffer.max_age
	Rejected                     // refused for good by the collector
	Invalid                      // impossible ids; left out of a packet that was otherwise good
	TooBig                       // larger than a frame may be, or than the collector takes
	Corrupt                      // damaged on disk
	DiskLost                     // gone with a disk that failed
	Shutdown                     // still here when the process had to end
	dropReasons
)

var dropNames = [dropReasons]string{
	"buffer_full", "expired", "rejected", "invalid", "too_big", "corrupt", "disk_lost", "shutdown",
}

// String is the reason's name in JSON and in metrics.
func (r DropReason) String() string { return dropNames[r] }

// A RefuseReason says why a packet or request never entered.
type RefuseReason uint8

// The reasons of a refusal, in the order of the JSON in which they are told.
const (
	Malformed     RefuseReason = iota // not what the protocol allows
	RequestTooBig                     // over the size of a request
	QueueFull                         // no room for spans that want an answer
	Overloaded                        // over the budget of what is being received
	Unimplemented                     // a message that this agent does not take
	refuseReasons
)

var refuseNames = [refuseReasons]string{"malformed", "too_big", "buffer_full", "overloaded", "unimplemented"}

// String is the reason's name in JSON and in metrics.
func (r RefuseReason) String() string { return refuseNames[r] }

// Refused is the error of a request that is refused for this reason.
type Refused struct {
	Reason RefuseReason
	// Disk says that it is for a disk that fails, not for want of room.
	Disk bool
	// Unsure says that the spans may have been taken all the same: they are
	// accepted in the account, but what was promised of them is not kept.
	Unsure bool
}

func (r Refused) Error() string { return "refused: " + r.Reason.String() }

// Account is the account of one lane. All numbers are totals since the process
// began, but Buffered, which is what the lane holds now. Accepted, Recovered,
// Delivered, Buffered and Dropped count spans; Refused counts packets and
// requests; KernelDrops counts packets.
type Account struct {
	Accepted  uint64 `json:"accepted"`
	Recovered uint64 `json:"recovered"`
	Delivered uint64 `json:"delivered"`
	// Buffered is counted from the frames that are held, those in flight
	// included; it is never computed from the other numbers.
	Buffered       uint64         `json:"buffered"`
	Dropped        Drops          `json:"dropped"`
	Refused        Refusals       `json:"refused"`
	KernelDrops    uint64         `json:"kernel_drops"`
	ClientReported ClientReported `json:"client_reported"`
}

// ClientReported is what Jaeger clients say of their own losses: spans that
// they dropped before sending (Batch.stats), and batches missing in the
// sequence that they number (Batch.seqNo).
type ClientReported struct {
	FullQueue   uint64 `json:"full_queue"`
	TooLarge    uint64 `json:"too_large"`
	SendFailure uint64 `json:"send_failure"`
	Gaps        uint64 `json:"gaps"`
}

// LeftOut counts spans of a packet that was taken in which cannot be passed on.
// They are accepted, and dropped at once.
type LeftOut struct {
	Invalid int // impossible ids
	TooBig  int // larger than a frame may be
}

// Drops counts spans by DropReason. As JSON it is an object with every reason.
type Drops [dropReasons]uint64

// Sum is the number of spans dropped for any reason.
func (d Drops) Sum() (n uint64) {
	for _, v := range d {
		n += v
	}
	return n
}

// All yields every reason with its count, in a fixed order.
func (d Drops) All(yield func(DropReason, uint64) bool) {
	for r, n := range d {
		if !yield(DropReason(r), n) {
			return
		}
	}
}

// MarshalJSON writes an object with every reason, in a fixed order.
func (d Drops) MarshalJSON() ([]byte, error) { return counts(dropNames[:], d[:]), nil }

// UnmarshalJSON reads what MarshalJSON writes; a name it does not know is an error.
func (d *Drops) UnmarshalJSON(b []byte) error { return readCounts(b, dropNames[:], d[:]) }

// Refusals counts packets and requests by RefuseReason. As JSON it is an
// object with every reason.
type Refusals [refuseReasons]uint64

// All yields every reason with its count, in a fixed order.
func (f Refusals) All(yield func(RefuseReason, uint64) bool) {
	for r, n := range f {
		if !yield(RefuseReason(r), n) {
			return
		}
	}
}

// MarshalJSON writes an object with every reason, in a fixed order.
func (f Refusals) MarshalJSON() ([]byte, error) { return counts(refuseNames[:], f[:]), nil }

// UnmarshalJSON reads what MarshalJSON writes; a name it does not know is an error.
func (f *Refusals) UnmarshalJSON(b []byte) error { return readCounts(b, refuseNames[:], f[:]) }

// Check returns an error that shows both sides when the account does not add up.
func (a Account) Check() error {
	in := a.Accepted + a.Recovered
	out := a.Delivered + a.Buffered + a.Dropped.Sum()
	if in == out {
		return nil
	}
	return fmt.Errorf("ledger: accepted %d + recovered %d = %d, but delivered %d + buffered %d + dropped %d = %d",
		a.Accepted, a.Recovered, in, a.Delivered, a.Buffered, a.Dropped.Sum(), out)
}

//go:build crash

package crash

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/bench/proc"
	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/test/crash/process"
	"github.com/wayside-tracing/wayside/test/crash/receiver"
	"github.com/wayside-tracing/wayside/test/crash/sender"
)

// patience is how long what should happen is waited for. Backoff alone may take
// 30 s (agent/deliver, maxBackoff).
const patience = 90 * time.Second

// memoryLimit bounds an agent's resident memory, in bytes: 10 MB idle, the
// buffer of 8 MiB, what is being received and sent, and garbage between two
// collections.
const memoryLimit = 38 << 20

// rig is an agent between senders and a receiver.
type rig struct {
	*testing.T
	agent    *process.Agent
	receiver *receiver.Receiver
	memory   uint64 // bound of the agent's, in bytes

	// unanswered is how many spans may have been received and sent again,
	// beyond what the agent's last status tells.
	unanswered int

	// lost is how many acknowledged spans a process has counted as dropped
	// before it was killed.
	lost int

	options process.Options // of the agent, to start another one

	mu      sync.Mutex
	address string       // of the agent, for OTLP
	sent    account.Sent // by senders that have ended
	number  uint64       // of the last sender
}

// begin starts a receiver and an agent that delivers to it.
func begin(t *testing.T, opt process.Options) *rig {
	t.Helper()
	rec, err := receiver.New("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Down)
	if opt.Settings == nil {
		opt.Settings = process.Settings{}
	}
	if opt.Settings["deliver.endpoint"] == nil {
		opt.Settings["deliver.endpoint"] = rec.Address()
	}
	if opt.Binary == "" {
		opt.Binary = os.Getenv(binaryVariable)
	}
	r := &rig{T: t, options: opt, receiver: rec, memory: memoryLimit}
	r.start()
	t.Cleanup(func() { r.agent.Kill() })
	return r
}

// start starts an agent, or another one when the last has ended. Senders turn
// to it.
func (r *rig) start() {
	r.Helper()
	agent, err := process.Start(r.TempDir(), r.options)
	if err != nil {
		r.Fatal(err)
	}
	r.agent = agent
	r.mu.Lock()
	defer r.mu.Unlock()
	r.address = agent.GRPC
}

// grpc is where senders find the agent.
func (r *rig) grpc() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.address
}

// flow starts so many senders, each with requests of so many spans at so many
// spans a second, until ctx is done. wait waits for their end.
func (r *rig) flow(ctx context.Context, senders, spans, rate int) (wait func()) {
	var all sync.WaitGroup
	for range senders {
		s := r.sender()
		all.Go(func() {
			s.Flow(ctx, spans, rate)
			r.add(s)
		})
	}
	return all.Wait
}

// sender is a new one. What it has sent counts when it is added.
func (r *rig) sender() *sender.Sender {
	return sender.New(r.nextNumber(), r.grpc)
}

func (r *rig) nextNumber() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	return r.number
}

func (r *rig) add(s *sender.Sender) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Close()
	sent := s.Sent
	if r.options.Settings["buffer.disk.sync"] == always {
		// No may also mean that nobody knows: what could not be made safe in
		// time is refused, and goes on its way (agent/buffer, Lane.Answered).
		sent.Unsure = append(sent.Unsure, sent.GivenUp...)
		sent.Again += sent.No
	}
	r.sent.Add(sent)
}

// lane is the agent's account now, which must add up.
func (r *rig) lane() ledger.Lane {
	r.Helper()
	st, err := r.agent.Status(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	if err := st.Lanes[0].Check(); err != nil {
		r.Error(err)
	}
	return st.Lanes[0]
}

// await waits until the account is as it should be.
func (r *rig) await(what string, is func(ledger.Lane) bool) ledger.Lane {
	r.Helper()
	end := time.Now().Add(times(patience))
	for {
		l := r.lane()
		if is(l) {
			return l
		}
		if time.Now().After(end) {
			r.Fatalf("waited in vain until %s: %+v\n%s", what, l, r.agent.Dump())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// settle ends a scenario: all that was acknowledged arrives, but for as many
// spans as the ledger has as dropped, the process ends in order, and every number
// fits the others.
func (r *rig) settle() ledger.Account {
	r.Helper()
	last := r.await("nothing is buffered", func(l ledger.Lane) bool { return l.Buffered == 0 })
	memory, err := proc.ReadMemory(r.agent.Pid())
	if err != nil {
		r.Error(err)
	}
	end, err := r.agent.Stop()
	if err != nil {
		r.Fatal(err)
	}
	r.hold(end, r.twice(last))
	taken := r.receiver.Taken()
	r.Logf("%d spans told yes, %d accepted, %d delivered, %d dropped, %d received more than once; senders were refused: %v; peak %.1f MB",
		r.sent.Spans(), end.Accepted, end.Delivered, end.Dropped.Sum(), taken.Total()-len(taken), r.sent.Refused, float64(memory.Peak)/1e6)
	if memory.Peak > r.memory {
		r.Errorf("the agent took %d bytes of memory, over %d", memory.Peak, r.memory)
	}
	return end
}

// twice is how many spans the agent may have sent again: for each export that
// failed, the receiver may have taken the spans all the same.
func (r *rig) twice(l ledger.Lane) int {
	failures := 0
	for _, e := range l.Endpoints {
		failures += int(e.Failures)
	}
	return failures*r.receiver.Largest() + r.unanswered
}

// hold holds the account that an agent ended with against both its ends.
func (r *rig) hold(end ledger.Account, twice int) {
	r.Helper()
	if err := end.Check(); err != nil {
		r.Error(err)
	}
	if end.Buffered != 0 {
		r.Errorf("%d spans are still buffered at the end", end.Buffered)
	}
	taken := r.receiver.Taken()
	for _, finding := range account.Compare(r.sent, taken, int(end.Dropped.Sum()), twice) {
		r.Error(finding)
	}
	told := r.sent.Spans()
	most := told + r.sent.Again // what was unsure at the end is in it
	if got := int(end.Accepted); got < told || got > most {
		r.Errorf("%d spans were accepted; %d were told so, and %d may have been", got, told, most)
	}
	if uint64(taken.Total()) < end.Delivered {
		r.Errorf("%d spans are delivered, %d were received", end.Delivered, taken.Total())
	}
}

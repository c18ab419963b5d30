package deliver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// fakeDNS is a resolver whose records a test changes.
type fakeDNS struct {
	mu    sync.Mutex
	hosts map[string][]string // nil: an error
	asked []time.Time
	takes time.Duration
}

func (d *fakeDNS) set(host string, ips ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hosts == nil {
		d.hosts = map[string][]string{}
	}
	d.hosts[host] = ips
}

func (d *fakeDNS) resolve(ctx context.Context, host string) (list []netip.Addr, err error) {
	d.mu.Lock()
	d.asked = append(d.asked, time.Now())
	takes := d.takes
	d.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.hosts[host]) == 0 {
		return nil, errors.New("no such host")
	}
	for _, ip := range d.hosts[host] {
		list = append(list, netip.MustParseAddr(ip))
	}
	return list, nil
}

func (d *fakeDNS) lookUps() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

// startNamed is start with a resolver.
func startNamed(t testing.TB, d *fakeDNS, fake *fakeEndpoints, endpoints ...string) *rig {
	r := startOn(t, fake, fake, endpoints...)
	synctest.Wait() // it waits for a batch
	r.endpoints.resolve = d.resolve
	return r
}

// addresses are the endpoints in the status.
func (r *rig) addresses() (list []string) {
	for _, e := range r.Endpoints() {
		list = append(list, e.String())
	}
	slices.Sort(list)
	return list
}

// trickle sends a batch of one span every 100 ms.
func (r *rig) trickle(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		r.send(1)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
	}
}

// since counts the requests to each endpoint from a time on.
func (f *fakeEndpoints) since(at time.Time) map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := map[string]int{}
	for _, r := range f.requests {
		if !r.at.Before(at) {
			m[r.endpoint]++
		}
	}
	return m
}

// Every address of a name has its share and its state; one that comes is used,
// one that goes is not, and what is under way to it ends well.
func TestNameIsAllItsAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{}
		dns.set("c", "10.0.0.1", "10.0.0.2", "fd00::1", "::ffff:10.0.0.1")
		var slow time.Duration
		fake := newFake(t, func(_ context.Context, endpoint string, _ []int) Answer {
			time.Sleep(time.Millisecond)
			if endpoint == "c:1 (10.0.0.2)" {
				time.Sleep(slow)
			}
			return ok()
		})
		r := startNamed(t, dns, fake, "c:1", "10.9.9.9:1")
		if got := r.addresses(); !slices.Equal(got, []string{"10.9.9.9:1", "c:1"}) || dns.lookUps() != 0 {
			t.Errorf("before anything is sent: %v, %d look-ups", got, dns.lookUps())
		}
		begun := time.Now()
		r.trickle(10 * time.Second)
		for _, e := range []string{"c:1 (10.0.0.1)", "c:1 (10.0.0.2)", "c:1 (fd00::1)", "10.9.9.9:1"} {
			if n := fake.since(begun)[e]; n < 20 || n > 30 {
				t.Errorf("%s got %d of 100", e, n)
			}
		}
		if e := r.Endpoints()[0]; e.Address != "c:1" || e.IP == "" || e.State != ledger.EndpointOK {
			t.Errorf("%+v", e)
		}
		if n := dns.lookUps(); n != 1 {
			t.Errorf("%d look-ups in ten seconds", n)
		}

		// Requests are on their way to an address when it goes.
		slow = 9 * time.Second
		dns.set("c", "10.0.0.1", "10.0.0.3")
		r.trickle(25 * time.Second)
		if got := r.addresses(); !slices.Equal(got, []string{"10.9.9.9:1", "c:1 (10.0.0.1)", "c:1 (10.0.0.3)"}) {
			t.Errorf("%v", got)
		}
		changed := time.Now()
		r.trickle(10 * time.Second)
		got := fake.since(changed)
		if len(got) != 3 || got["c:1 (10.0.0.3)"] < 25 {
			t.Errorf("%v", got)
		}
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
	})
}

// An address that is dead is left, while the others take all, and taken back.
// Its failing makes the name be looked up again, soon and not often.
func TestDeadAddressIsLeftAndTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{}
		dns.set("c", "10.0.0.1", "10.0.0.2")
		back := time.Now().Add(5 * time.Minute)
		fake := newFake(t, func(_ context.Context, endpoint string, _ []int) Answer {
			time.Sleep(time.Millisecond)
			if endpoint == "c:1 (10.0.0.2)" && time.Now().Before(back) {
				return later()
			}
			return ok()
		})
		r := startNamed(t, dns, fake, "c:1")
		r.trickle(5 * time.Minute)
		if n := fake.since(time.Time{})["c:1 (10.0.0.2)"]; n == 0 || n > 60 {
			t.Errorf("the dead one was tried %d times", n)
		}
		if n := dns.lookUps(); n < 11 || n > 5*60/5+1 {
			t.Errorf("%d look-ups in five minutes", n)
		}
		r.trickle(time.Minute)
		at := time.Now()
		r.trickle(time.Minute)
		if n := fake.since(at)["c:1 (10.0.0.2)"]; n < 250 || n > 350 {
			t.Errorf("it got %d of 600 batches after it came back", n)
		}
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
	})
}

// A collector that moves to another address: what waits goes there as soon as
// the name says so.
func TestNameMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{}
		dns.set("c", "10.0.0.1")
		fake := newFake(t, func(_ context.Context, endpoint string, _ []int) Answer {
			if endpoint == "c:1 (10.0.0.2)" {
				return ok()
			}
			return later()
		})
		r := startNamed(t, dns, fake, "c:1")
		r.send(10, 20)
		time.Sleep(10 * time.Minute) // it backs off for up to 30 s by now
		dns.set("c", "10.0.0.2")
		begun := time.Now()
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		if d := time.Since(begun); d > resolveEvery {
			t.Errorf("it took %v", d)
		}
	})
}

// While a name can't be looked up, its last addresses are used; where there are
// none, connecting to the name says why.
func TestResolverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{}
		fake := newFake(t, func(_ context.Context, endpoint string, _ []int) Answer {
			if endpoint == "c:1" {
				return Answer{Verdict: Later, Err: errors.New("connecting: no such host")}
			}
			return ok()
		})
		r := startNamed(t, dns, fake, "c:1")
		r.send(10)
		time.Sleep(time.Minute)
		if e := r.Endpoints()[0]; len(r.Endpoints()) != 1 || e.Address != "c:1" || e.State != ledger.EndpointBackoff || !strings.Contains(e.LastError, "no such host") {
			t.Errorf("%+v", e)
		}
		if n := dns.lookUps(); n < 10 || n > 15 {
			t.Errorf("%d look-ups in a minute", n)
		}
		dns.set("c", "10.0.0.1")
		time.Sleep(2 * resolveAgain)
		synctest.Wait()
		if !r.batches[0].done {
			t.Error("not delivered after the name was there")
		}
		dns.set("c")
		r.trickle(5 * time.Minute)
		if got := r.addresses(); !slices.Equal(got, []string{"c:1 (10.0.0.1)"}) {
			t.Errorf("%v", got)
		}
		dns.set("c", "10.0.0.1")
		r.trickle(time.Minute)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		log := r.log.String()
		if strings.Count(log, "can't be looked up") != 1 || strings.Count(log, "can be looked up again") != 1 {
			t.Errorf("log\n%s", log)
		}
	})
}

// A resolver that does not answer holds up nothing but itself, not the end
// either.
func TestResolverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{takes: time.Hour}
		fake := newFake(t, func(context.Context, string, []int) Answer { return ok() })
		r := startNamed(t, dns, fake, "c:1", "10.0.0.1:1")
		begun := time.Now()
		r.trickle(time.Second)
		if got := fake.since(begun); !maps.Equal(got, map[string]int{"10.0.0.1:1": 10}) {
			t.Errorf("%v", got)
		}
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		if d := time.Since(begun); d > 2*time.Second {
			t.Errorf("it took %v to end", d)
		}
	})
}

// Of a name with very many addresses as many as the bound are used, and stay
// the same as long as they are there.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{}
		var all []string
		for i := range 200 {
			all = append(all, fmt.Sprintf("10.0.1.%d", i))
		}
		dns.set("c", all...)
		fake := newFake(t, func(context.Context, string, []int) Answer { return ok() })
		r := startNamed(t, dns, fake, "c:1")
		r.trickle(10 * time.Second)
		before := r.addresses()
		r.trickle(2 * time.Minute)
		if after := r.addresses(); len(before) != maxAddresses || !slices.Equal(before, after) {
			t.Errorf("%d addresses, then others: %v", len(before), after)
		}
		r.finish(t)
	})
}

// Nothing is looked up while nothing is sent, nor where there is no name.
func TestNothingToLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{}
		fake := newFake(t, func(context.Context, string, []int) Answer { return ok() })
		r := startNamed(t, dns, fake, "10.0.0.1:1", "[::1]:2", "localhost:3", "https://10.0.0.1/v1/traces", "http://localhost/x")
		r.trickle(time.Minute)
		r.finish(t)
		if n := dns.lookUps(); n != 0 {
			t.Errorf("%d look-ups", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{}
		dns.set("c", "10.0.0.1")
		fake := newFake(t, func(context.Context, string, []int) Answer { return ok() })
		r := startNamed(t, dns, fake, "https://c/v1/traces")
		r.send(1)
		time.Sleep(time.Hour)
		if n := dns.lookUps(); n != 1 {
			t.Errorf("%d look-ups in an hour without spans", n)
		}
		r.finish(t)
		if got := fake.since(time.Time{}); got["https://c/v1/traces (10.0.0.1)"] != 1 {
			t.Errorf("%v", got)
		}
	})
}

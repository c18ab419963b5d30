package deliver

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"
)

// A Resolver finds the addresses of a host.
type Resolver func(ctx context.Context, host string) ([]netip.Addr, error)

const (
	// resolveEvery is how old the addresses of a name may become before they
	// are looked up again, as long as something is sent. Cluster DNS keeps
	// records for 5 to 30 s.
	resolveEvery = 30 * time.Second
	// resolveAgain is how soon that is done when one of them fails, or when
	// looking up fails.
	resolveAgain = 5 * time.Second
	// resolveTimeout is for one look-up: two tries of 5 s of the system's
	// resolver and what is in between (resolv.conf(5), timeout and attempts).
	resolveTimeout = 12 * time.Second
	// maxAddresses bounds the endpoints that a name can become. Of more, as
	// many are chosen at random, so that all agents together use all.
	maxAddresses = 16
)

// name is an endpoint as configured. Its host is looked up, and each of its
// addresses has the load and the state of an endpoint of its own. Nothing is
// looked up while nothing is sent.
type name struct {
	endpoint string
	host     string // "" when there is nothing to look up
	own      []*endpoint

	looking  bool
	lookedAt time.Time // when that last began
	due      time.Time // when to look again
	failing  bool      // the log has been told that looking up fails
}

// newName makes one of an endpoint. Behind a proxy there is nothing to look
// up: that is the proxy's business.
func (s *endpoints) newName(configured string) *name {
	to := Target{Endpoint: configured}
	n := &name{endpoint: configured, host: to.name()}
	if proxy, err := s.proxy.of(configured); err == nil && proxy != nil {
		n.host = ""
		s.log.Info("endpoint is reached through a proxy, as the environment says", "endpoint", configured, "proxy", proxy.Host)
	}
	if n.host == "" {
		n.own = []*endpoint{{target: to, name: n}}
	}
	return n
}

// systemResolver asks the system, and leaves out addresses that this host has
// no route to, unless that is all of them: what has both IPv4 and IPv6 addresses
// is not half broken on a host with one of the two.
func systemResolver(ctx context.Context, host string) ([]netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	routed := slices.DeleteFunc(slices.Clone(all), func(a netip.Addr) bool {
		var d net.Dialer
		c, err := d.DialContext(ctx, "udp", netip.AddrPortFrom(a, 9).String()) // sends nothing
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if len(routed) == 0 {
		return all, nil
	}
	return routed, nil
}

// lookUp begins to look up the names whose time it is. It returns how long
// there will be none. mu is held.
func (s *endpoints) lookUp(now time.Time) (wait time.Duration) {
	wait = maxRetryAfter
	for _, n := range s.names {
		switch {
		case n.host == "" || n.looking: // resolved wakes all
		case n.due.After(now):
			wait = min(wait, n.due.Sub(now))
		default:
			n.looking, n.lookedAt = true, now
			ctx := s.ctx
			s.lookups.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
				defer cancel()
				addresses, err := s.resolve(ctx, n.host)
				s.resolved(n, addresses, err)
			})
		}
	}
	return wait
}

// resolved takes up what a look-up has found. When it fails, the addresses that
// were known stay; when there are none, the name itself is the endpoint, and
// connecting says what is wrong with it.
func (s *endpoints) resolved(n *name, addresses []netip.Addr, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.looking = false
	if len(addresses) > 0 && err == nil {
		n.due = n.lookedAt.Add(resolveEvery)
		if n.failing {
			n.failing = false
			s.log.Info("endpoint's name can be looked up again", "endpoint", n.endpoint)
		}
		n.take(addresses)
	} else {
		n.due = time.Now().Add(resolveAgain)
		switch {
		case len(n.own) == 0:
			n.own = []*endpoint{{target: Target{Endpoint: n.endpoint}, name: n}}
		case n.own[0].target.IP != "" && !n.failing && s.ctx.Err() == nil:
			n.failing = true
			s.log.Warn("endpoint's name can't be looked up: the addresses that it had stay in use",
				"endpoint", n.endpoint, "error", err)
		}
	}
	s.flatten()
	s.wakeAll()
}

// take makes the addresses of a name its endpoints. Those that stay keep their
// state; those that are gone end with the requests that are on their way.
func (n *name) take(addresses []netip.Addr) {
	found := make([]string, 0, len(addresses))
	for _, a := range addresses {
		found = append(found, a.Unmap().String())
	}
	slices.Sort(found)
	found = slices.Compact(found)
	n.own = slices.DeleteFunc(slices.Clone(n.own), func(e *endpoint) bool { return !slices.Contains(found, e.target.IP) })
	rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	for _, ip := range found {
		known := slices.ContainsFunc(n.own, func(e *endpoint) bool { return e.target.IP == ip })
		if !known && len(n.own) < maxAddresses {
			n.own = append(n.own, &endpoint{target: Target{n.endpoint, ip}, name: n})
		}
	}
}

// flatten lists the endpoints of all names. mu is held.
func (s *endpoints) flatten() {
	s.all = s.all[:0:0]
	for _, n := range s.names {
		s.all = append(s.all, n.own...)
	}
}

// begin says how long names may be looked up, and done waits for those
// look-ups to end.
func (s *endpoints) begin(ctx context.Context) {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
}

func (s *endpoints) done() { s.lookups.Wait() }

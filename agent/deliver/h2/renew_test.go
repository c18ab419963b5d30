package h2

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
)

// After Renew, calls go to a new connection; those that are under way end on the
// old one, which is closed after the last of them.
func TestRenew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, oldEnd := newPeer(t)
		fresh, freshEnd := newPeer(t)
		r := newRig(t, oldEnd, freshEnd)
		first := r.begin(soon(t), []byte("1"))
		old.call(1)
		r.Renew()
		second := r.begin(soon(t), []byte("2"))
		if got := fresh.call(1); string(got) != "2" {
			t.Errorf("second call: %q", got)
		}
		fresh.answer(1, "two")
		check(t, <-second, "two")
		select {
		case <-old.gone:
			t.Error("the old connection was closed under a call")
		default:
		}
		old.answer(1, "one")
		check(t, <-first, "one")
		<-old.gone
	})
}

// A connection without calls is closed at once.
func TestRenewIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, oldEnd := newPeer(t)
		r := newRig(t, oldEnd)
		res := r.begin(soon(t), []byte("1"))
		old.call(1)
		old.answer(1, "one")
		check(t, <-res, "one")
		r.Renew()
		<-old.gone
	})
}

// A connection that was being opened when connections were renewed is as old as
// the others: no call goes to it.
func TestRenewWhileDialling(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, oldEnd := newPeer(t)
		fresh, freshEnd := newPeer(t)
		ends := []net.Conn{oldEnd, freshEnd}
		var mu sync.Mutex
		renewed := make(chan struct{})
		c := NewClient(func(context.Context, string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			if len(ends) == 0 {
				return nil, fmt.Errorf("nobody there")
			}
			if len(ends) == 2 {
				<-renewed
			}
			end := ends[0]
			ends = ends[1:]
			return end, nil
		})
		defer c.Close()
		res := make(chan result, 1)
		go func() {
			resp, err := c.Do(soon(t), "a", Request{Header: someHeader, Body: [][]byte{[]byte("x")}})
			res <- result{resp, err}
		}()
		synctest.Wait()
		c.Renew()
		close(renewed)
		fresh.call(1)
		fresh.answer(1, "ok")
		check(t, <-res, "ok")
	})
}

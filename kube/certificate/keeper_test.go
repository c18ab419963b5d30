package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// secret is a Store as the API server is one.
type secret struct {
	mu      sync.Mutex
	data    map[string][]byte
	version int
	saves   int
	down    bool
}

var errDown = errors.New("the API server is away")

func (s *secret) Load(context.Context) (map[string][]byte, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.down:
		return nil, "", errDown
	case s.data == nil:
		return nil, "", ErrMissing
	}
	return maps.Clone(s.data), strconv.Itoa(s.version), nil
}

func (s *secret) Save(_ context.Context, data map[string][]byte, version string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.down:
		return errDown
	case s.data == nil && version != "", s.data != nil && version != strconv.Itoa(s.version):
		return ErrConflict
	}
	s.data, s.version, s.saves = maps.Clone(data), s.version+1, s.saves+1
	return nil
}

func (s *secret) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = nil
}

// webhook is the object with the bundle, and API servers that see it late.
type webhook struct {
	mu     sync.Mutex
	bundle []byte
	seen   []byte // by API servers
	delay  time.Duration
	down   bool
}

func (w *webhook) publish(_ context.Context, bundle []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return errDown
	}
	if !bytes.Equal(bundle, w.bundle) {
		w.bundle = bundle
		if w.delay == 0 {
			w.seen = bundle
			return nil
		}
		time.AfterFunc(w.delay, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen = bundle
		})
	}
	return nil
}

// call is what an API server does: it takes the connection or not.
func (w *webhook) call(c *tls.Certificate, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.seen)
	_, err := c.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: time.Now()})
	return err
}

var testPolicy = Policy{Names: []string{"wayside-operator.wayside-system.svc", "127.0.0.1"}, Life: 2 * time.Hour, AuthorityLife: 40 * time.Hour}

func startKeeper(t *testing.T, p Policy, s Store, w *webhook) *Keeper {
	t.Helper()
	k, err := NewKeeper(p, s, w.publish, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- k.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return k
}

// For five days, two replicas that look at different times, and API servers that
// learn of a new bundle after half the settling time: no call ever fails.
func TestNoCallFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := &secret{}, &webhook{delay: testPolicy.Settle() / 2}
		a := startKeeper(t, testPolicy, s, w)
		time.Sleep(17 * time.Second)
		b := startKeeper(t, testPolicy, s, w)
		time.Sleep(testPolicy.Settle())
		leaves, authorities := map[string]bool{}, map[string]bool{}
		for end := time.Now().Add(5 * 24 * time.Hour); time.Now().Before(end); time.Sleep(101 * time.Second) {
			for _, k := range []*Keeper{a, b} {
				for _, name := range testPolicy.Names {
					if err := w.call(k.Shown(), name); err != nil {
						t.Fatalf("%v: %v", time.Now(), err)
					}
				}
				leaves[string(k.Shown().Leaf.Raw)] = true
				authorities[string(k.Shown().Leaf.AuthorityKeyId)] = true
			}
		}
		// Each certificate serves 80 minutes, or less before a new authority, each of which serves 36 hours.
		if len(leaves) < 90 || len(leaves) > 95 || len(authorities) != 4 {
			t.Errorf("%d certificates of %d authorities", len(leaves), len(authorities))
		}
		if n := bytes.Count(w.bundle, []byte("BEGIN")); n != 1 {
			t.Errorf("%d authorities are trusted at the end, want 1", n)
		}
		if got, most := s.saves, len(leaves)+len(authorities)+4; got > most {
			t.Errorf("the Secret was written %d times, want at most %d", got, most)
		}
	})
}

// The test above is worth something only if it sees a bundle that comes too late.
func TestACallFailsWithoutSettling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testPolicy
		s, w := &secret{}, &webhook{delay: 2 * p.Settle()}
		k := startKeeper(t, p, s, w)
		time.Sleep(3 * p.Settle())
		for end := time.Now().Add(p.AuthorityLife); time.Now().Before(end); time.Sleep(time.Minute) {
			if w.call(k.Shown(), p.Names[0]) != nil {
				return
			}
		}
		t.Error("API servers that see the bundle too late were never noticed")
	})
}

func TestADeletedSecretIsFollowedByNewKeysWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := &secret{}, &webhook{delay: testPolicy.Settle() / 2}
		a, b := startKeeper(t, testPolicy, s, w), startKeeper(t, testPolicy, s, w)
		time.Sleep(time.Hour)
		before := a.Shown().Leaf
		s.remove()
		for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(time.Second) {
			for _, k := range []*Keeper{a, b} {
				if err := w.call(k.Shown(), testPolicy.Names[0]); err != nil {
					t.Fatal(err)
				}
			}
		}
		if after := a.Shown().Leaf; bytes.Equal(after.AuthorityKeyId, before.AuthorityKeyId) || !after.Equal(b.Shown().Leaf) {
			t.Error("both replicas should show a certificate of another authority")
		}
	})
}

func TestARestartShowsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := &secret{}, &webhook{}
		a := startKeeper(t, testPolicy, s, w)
		time.Sleep(time.Hour)
		b := startKeeper(t, testPolicy, s, w)
		synctest.Wait()
		if !a.Shown().Leaf.Equal(b.Shown().Leaf) || s.saves != 1 {
			t.Errorf("the Secret was written %d times", s.saves)
		}
	})
}

func TestASecretThatCannotBeReadIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := &secret{data: map[string][]byte{keyLeaf: []byte("garbage")}, version: 7}, &webhook{}
		k := startKeeper(t, testPolicy, s, w)
		time.Sleep(time.Minute)
		if err := w.call(k.Shown(), testPolicy.Names[0]); err != nil {
			t.Error(err)
		}
	})
}

func TestOtherNamesNeedAnotherCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := &secret{}, &webhook{}
		startKeeper(t, testPolicy, s, w)
		time.Sleep(time.Minute)
		p := testPolicy
		p.Names = []string{"tracing.observability.svc"}
		k := startKeeper(t, p, s, w)
		time.Sleep(time.Second)
		if err := w.call(k.Shown(), p.Names[0]); err != nil {
			t.Error(err)
		}
	})
}

// Nothing new is shown while it cannot be published, and the old one serves on.
func TestNothingIsShownThatCannotBePublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := &secret{}, &webhook{}
		a, b := startKeeper(t, testPolicy, s, w), startKeeper(t, testPolicy, s, w)
		time.Sleep(time.Hour)
		before := a.Shown().Leaf
		w.mu.Lock()
		w.down = true
		w.mu.Unlock()
		time.Sleep(testPolicy.Life * 5 / 6) // renewal was due at two thirds
		if !a.Shown().Leaf.Equal(before) || !b.Shown().Leaf.Equal(before) || s.saves != 1 {
			t.Error("a certificate was changed that nobody could be told of")
		}
		w.mu.Lock()
		w.down = false
		w.mu.Unlock()
		time.Sleep(time.Minute)
		if a.Shown().Leaf.Equal(before) {
			t.Error("it was not renewed when it could be")
		}
		if err := w.call(a.Shown(), testPolicy.Names[0]); err != nil {
			t.Error(err)
		}
	})
}

// The operator was off for longer than its authority lasts.
func TestAnExpiredAuthorityIsReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := &secret{}, &webhook{}
		old, err := begin(time.Now().Add(-2*testPolicy.AuthorityLife), testPolicy)
		if err != nil {
			t.Fatal(err)
		}
		if s.data, err = old.encode(); err != nil {
			t.Fatal(err)
		}
		k := startKeeper(t, testPolicy, s, w)
		time.Sleep(time.Second)
		if err := w.call(k.Shown(), testPolicy.Names[0]); err != nil {
			t.Error(err)
		}
	})
}

func TestPolicyCheck(t *testing.T) {
	for name, p := range map[string]Policy{
		"no names":        {Life: time.Hour, AuthorityLife: 24 * time.Hour},
		"too short":       {Names: []string{"a"}, Life: time.Second, AuthorityLife: 24 * time.Hour},
		"authority short": {Names: []string{"a"}, Life: time.Hour, AuthorityLife: 2 * time.Hour},
	} {
		if p.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := testPolicy.Check(); err != nil {
		t.Error(err)
	}
}

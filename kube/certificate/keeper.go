package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// What a Store says of a Secret. Its other errors are passed on.
var (
	ErrMissing = errors.New("there is no such Secret")
	// ErrConflict is that another replica wrote since it was read, or was the first
	// to make it.
	ErrConflict = errors.New("another replica was faster")
)

// A Store holds the Secret. Versions are its own affair.
type Store interface {
	// Load reads it; ErrMissing if there is none.
	Load(ctx context.Context) (data map[string][]byte, version string, err error)
	// Save writes it, if it is still the version that was read, or, for "", if it
	// is still missing; otherwise ErrConflict.
	Save(ctx context.Context, data map[string][]byte, version string) error
}

// Keeper keeps one replica's certificate. Run has to run for it.
type Keeper struct {
	policy  Policy
	store   Store
	publish func(ctx context.Context, bundle []byte) error
	log     *slog.Logger

	// Only Run's goroutine has these.
	known     *state    // what was read last
	version   string    // the Secret's, when known was read
	published []byte    // the bundle that was published last
	since     time.Time // since when it is

	shown atomic.Pointer[tls.Certificate]
}

// NewKeeper makes one. Publish makes a bundle (PEM) known to API servers; it is
// called every now and then with the same one, so that it also puts right what
// others changed.
func NewKeeper(p Policy, store Store, publish func(ctx context.Context, bundle []byte) error, log *slog.Logger) (*Keeper, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Keeper{policy: p, store: store, publish: publish, log: log}, nil
}

// Shown is the certificate that the server has to show; nil before the first is
// there.
func (k *Keeper) Shown() *tls.Certificate { return k.shown.Load() }

// GetCertificate is for a tls.Config.
func (k *Keeper) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := k.Shown(); c != nil {
		return c, nil
	}
	return nil, errors.New("there is no certificate yet")
}

// NeedLeaderElection is false: every replica serves.
func (k *Keeper) NeedLeaderElection() bool { return false }

// interval is between two looks: a minute, or less where certificates are short.
func (k *Keeper) interval() time.Duration { return min(time.Minute, k.policy.Settle()/2) }

// Start looks after the certificate until the context ends.
func (k *Keeper) Start(ctx context.Context) error {
	const soon = time.Second
	failed := false
	for {
		wait := k.interval()
		again, err := k.pass(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrConflict), err == nil && again:
			continue
		case err != nil:
			k.log.Error("the webhook's certificate could not be looked after", "error", err, "retry_in", min(soon, wait))
			wait = min(soon, wait)
		case failed:
			k.log.Info("the webhook's certificate is looked after again")
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// pass looks once. Again is whether it changed something, which the next pass
// will publish and show.
func (k *Keeper) pass(ctx context.Context) (again bool, err error) {
	s, version, err := k.load(ctx)
	if err != nil {
		return false, err
	}
	if s == nil {
		return true, k.start(ctx, version)
	}
	k.known, k.version = s, version
	publishErr := k.makeKnown(ctx, s)
	k.show(s, publishErr == nil)
	if publishErr != nil {
		return false, publishErr // nothing is changed that API servers cannot be told of
	}
	settled := time.Since(k.since) >= k.policy.Settle()
	after, why, err := s.follow(time.Now(), k.policy, settled)
	if err != nil || after == s {
		return false, err
	}
	if err := k.save(ctx, after, version); err != nil {
		return false, err
	}
	k.log.Info("the webhook's certificate was changed", "why", why, "expires", after.leaf.Leaf.NotAfter.UTC(),
		"authority_expires", after.authority.Leaf.NotAfter.UTC())
	return true, nil
}

// load reads the state; nil if there is none that can be used.
func (k *Keeper) load(ctx context.Context) (*state, string, error) {
	data, version, err := k.store.Load(ctx)
	if errors.Is(err, ErrMissing) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading the certificate's Secret: %w", err)
	}
	if k.known != nil && version == k.version {
		return k.known, version, nil
	}
	s, err := decodeState(data)
	if err != nil {
		k.log.Error("the certificate's Secret cannot be read and is made anew", "error", err)
		return nil, version, nil
	}
	return s, version, nil
}

// start makes the Secret. If it was there before, what it held is written again,
// with another authority to follow: who deletes the Secret wants new keys, and no
// call has to fail for it.
func (k *Keeper) start(ctx context.Context, version string) error {
	var s *state
	var err error
	if k.known != nil {
		s, err = k.known.announce(time.Now(), k.policy)
	} else {
		s, err = begin(time.Now(), k.policy)
	}
	if err != nil {
		return err
	}
	if err := k.save(ctx, s, version); err != nil {
		return err
	}
	k.log.Info("the webhook's certificate was made", "names", k.policy.Names, "expires", s.leaf.Leaf.NotAfter.UTC(),
		"authority_expires", s.authority.Leaf.NotAfter.UTC())
	return nil
}

func (k *Keeper) save(ctx context.Context, s *state, version string) error {
	data, err := s.encode()
	if err != nil {
		return err
	}
	if err := k.store.Save(ctx, data, version); err != nil {
		return fmt.Errorf("writing the certificate's Secret: %w", err)
	}
	return nil
}

// makeKnown publishes the state's bundle.
func (k *Keeper) makeKnown(ctx context.Context, s *state) error {
	bundle := s.bundle()
	if err := k.publish(ctx, bundle); err != nil {
		return fmt.Errorf("publishing the webhook and whom it is signed by: %w", err)
	}
	if !bytes.Equal(bundle, k.published) {
		k.published, k.since = bundle, time.Now()
	}
	return nil
}

// show has the server show the state's certificate. As long as its bundle could
// not be published, what is shown already is better, unless it has expired.
func (k *Keeper) show(s *state, published bool) {
	if now := k.Shown(); !published && now != nil && time.Now().Before(now.Leaf.NotAfter) {
		return
	}
	k.shown.Store(s.leaf)
}

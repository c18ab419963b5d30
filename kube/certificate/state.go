package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Keys of the Secret.
const (
	keyLeaf         = "tls.crt" // with tls.key, what a Secret of type kubernetes.io/tls has
	keyLeafKey      = "tls.key"
	keyAuthority    = "authority.crt"
	keyAuthorityKey = "authority.key"
	keyNext         = "next.crt"
	keyNextKey      = "next.key"
	keyPrevious     = "previous.crt"
)

// state is what the Secret holds. It is never changed, only followed by another.
type state struct {
	leaf      *tls.Certificate
	authority *tls.Certificate  // which signs
	next      *tls.Certificate  // which will; or nil
	previous  *x509.Certificate // which did; or nil
}

// begin makes the first state.
func begin(now time.Time, p Policy) (*state, error) {
	authority, err := newAuthority(now, p)
	if err != nil {
		return nil, err
	}
	leaf, err := newLeaf(now, p, &authority)
	if err != nil {
		return nil, err
	}
	return &state{leaf: &leaf, authority: &authority}, nil
}

// announce is the same with an authority to come.
func (s *state) announce(now time.Time, p Policy) (*state, error) {
	next, err := newAuthority(now, p)
	if err != nil {
		return nil, err
	}
	after := *s
	after.next = &next
	return &after, nil
}

// follow says which state comes next, and why, or "" if nothing is due. Settled is
// whether the state's bundle has been published for Policy.Settle.
func (s *state) follow(now time.Time, p Policy, settled bool) (*state, string, error) {
	after := *s
	var why string
	switch {
	case s.next != nil && settled:
		after.authority, after.next, after.previous = s.next, nil, s.authority.Leaf
		why = "the next authority is known"
	case !now.Before(s.authority.Leaf.NotAfter):
		// Nothing was running when it should have been replaced.
		fresh, err := begin(now, p)
		return fresh, "the authority has expired", err
	case s.next == nil && s.authority.Leaf.NotAfter.Sub(now) < max(p.AuthorityLife/10, 2*p.Life):
		next, err := s.announce(now, p)
		return next, "the authority ends at " + s.authority.Leaf.NotAfter.UTC().Format(time.RFC3339), err
	case s.leaf.Leaf.NotAfter.Sub(now) < p.Life/3:
		after.previous = nil // every replica has long shown something newer
		why = "the certificate ends at " + s.leaf.Leaf.NotAfter.UTC().Format(time.RFC3339)
	case !s.leafIsFor(p.Names):
		why = "the webhook is called by other names"
	case s.leaf.Leaf.CheckSignatureFrom(s.authority.Leaf) != nil:
		why = "the certificate is not the authority's"
	default:
		return s, "", nil
	}
	leaf, err := newLeaf(now, p, after.authority)
	if err != nil {
		return nil, "", err
	}
	after.leaf = &leaf
	return &after, why, nil
}

func (s *state) leafIsFor(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return s.leaf.Leaf.VerifyHostname(name) != nil })
}

// bundle is what has to be trusted, as PEM.
func (s *state) bundle() []byte {
	b := encodeCert(s.authority.Leaf)
	if s.next != nil {
		b = append(b, encodeCert(s.next.Leaf)...)
	}
	if s.previous != nil {
		b = append(b, encodeCert(s.previous)...)
	}
	return b
}

func (s *state) encode() (map[string][]byte, error) {
	data := map[string][]byte{}
	for _, pair := range []struct {
		c         *tls.Certificate
		cert, key string
	}{{s.leaf, keyLeaf, keyLeafKey}, {s.authority, keyAuthority, keyAuthorityKey}, {s.next, keyNext, keyNextKey}} {
		if pair.c == nil {
			continue
		}
		var err error
		if data[pair.cert], data[pair.key], err = encode(pair.c); err != nil {
			return nil, err
		}
	}
	if s.previous != nil {
		data[keyPrevious] = encodeCert(s.previous)
	}
	return data, nil
}

func decodeState(data map[string][]byte) (*state, error) {
	s := &state{}
	for _, pair := range []struct {
		to        **tls.Certificate
		cert, key string
		optional  bool
	}{
		{&s.leaf, keyLeaf, keyLeafKey, false},
		{&s.authority, keyAuthority, keyAuthorityKey, false},
		{&s.next, keyNext, keyNextKey, true},
	} {
		if pair.optional && len(data[pair.cert]) == 0 {
			continue
		}
		c, err := decode(data[pair.cert], data[pair.key])
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", pair.cert, pair.key, err)
		}
		*pair.to = c
	}
	if len(data[keyPrevious]) > 0 {
		c, err := decodeCert(data[keyPrevious])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", keyPrevious, err)
		}
		s.previous = c
	}
	return s, nil
}

package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	// dialTimeout is how long connecting may take: three SYNs, sent after 0, 1
	// and 3 s (RFC 6298, section 2).
	dialTimeout = 5 * time.Second
	// handshakeTimeout is for TLS after that: two round trips and the peer's
	// arithmetic.
	handshakeTimeout = 5 * time.Second
)

// A dialer opens connections to targets, through proxies where there are some.
type dialer struct {
	proxy     Proxy
	userAgent string // what proxies are told
}

// plain connects to a target without TLS.
func (d *dialer) plain(ctx context.Context, to Target) (net.Conn, error) {
	proxy, err := d.proxy.of(to.Endpoint)
	if err != nil {
		return nil, err
	}
	if proxy != nil {
		return tunnel(ctx, proxy, to.address(), d.userAgent)
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	return dialer.DialContext(ctx, "tcp", to.address())
}

// secure connects to a target and shakes hands. With a protocol, the peer must
// choose it (RFC 7301).
func (d *dialer) secure(ctx context.Context, to Target, base *tls.Config, protocol string) (net.Conn, error) {
	nc, err := d.plain(ctx, to)
	if err != nil {
		return nil, err
	}
	cfg := base.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _ = to.host()
	}
	if protocol != "" {
		cfg.NextProtos = []string{protocol}
	}
	conn := tls.Client(nc, cfg)
	shake, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	err = conn.HandshakeContext(shake)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		err = errors.New("no answer in time; does the peer speak TLS?")
	case err == nil && protocol != "" && conn.ConnectionState().NegotiatedProtocol != protocol:
		err = fmt.Errorf("the peer does not offer %s (ALPN)", protocol)
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return conn, nil
}

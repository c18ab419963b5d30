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

// dialPlain connects to a target without TLS.
func dialPlain(ctx context.Context, to Target) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	return dialer.DialContext(ctx, "tcp", to.address())
}

// dialTLS connects to a target and shakes hands. With a protocol, the peer must
// choose it (RFC 7301).
func dialTLS(ctx context.Context, to Target, base *tls.Config, protocol string) (net.Conn, error) {
	nc, err := dialPlain(ctx, to)
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

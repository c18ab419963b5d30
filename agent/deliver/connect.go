package deliver

import (
	"context"
	"net"
)

// A Connector opens connections as exports do, for those who ask for something
// beside them: with the same time limits, through the same proxies, and TLS by
// Credentials, which may be nil where there is none.
type Connector struct {
	Credentials *Credentials
	Proxy       Proxy
	UserAgent   string // what proxies are told
}

// Connect connects to host:port. With secure it shakes hands; with a protocol
// the peer must choose that one (ALPN, RFC 7301).
func (c Connector) Connect(ctx context.Context, address string, secure bool, protocol string) (net.Conn, error) {
	d := dialer{proxy: c.Proxy, userAgent: c.UserAgent}
	to := Target{Endpoint: address}
	if !secure {
		return d.plain(ctx, to)
	}
	cfg, err := c.Credentials.tlsFor()
	if err != nil {
		return nil, err
	}
	return d.secure(ctx, to, cfg, protocol)
}

package deliver

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// A Target is where an export goes.
type Target struct {
	// Endpoint is what was configured: host:port, or a URL.
	Endpoint string
	// IP is which of the host's addresses is meant; "" leaves that to whoever
	// connects.
	IP string
}

// String is the target in a word, and back again with parseTarget.
func (t Target) String() string { return t.Endpoint + " " + t.IP }

func parseTarget(s string) Target {
	endpoint, ip, _ := strings.Cut(s, " ")
	return Target{endpoint, ip}
}

// label is the target as people are told of it.
func (t Target) label() string {
	return ledger.Endpoint{Address: t.Endpoint, IP: t.IP}.String()
}

// host is the host and the port of the endpoint. They are "" when it is
// something else.
func (t Target) host() (host, port string) {
	if !strings.Contains(t.Endpoint, "://") {
		host, port, _ = net.SplitHostPort(t.Endpoint)
		return host, port
	}
	u, err := url.Parse(t.Endpoint)
	if err != nil {
		return "", ""
	}
	host, port = u.Hostname(), u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return host, port
}

// address is what to connect to.
func (t Target) address() string {
	host, port := t.host()
	if t.IP != "" {
		host = t.IP
	}
	return net.JoinHostPort(host, port)
}

// name is the host if it is one to be looked up, or "". localhost is one
// machine, whatever addresses it has: the dialer finds the one that answers.
func (t Target) name() string {
	host, _ := t.host()
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return ""
	}
	return host
}

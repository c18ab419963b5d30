package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// listeners are addresses to listen on: "ip:port", "localhost:port", or
// ":port" for every interface; where unix is true also "unix:/path". "" is
// none, which is an empty list.
type listeners struct {
	port string // the usual one, for advice
	unix bool
}

func (l listeners) takes() string {
	if l.unix {
		return `ip:port, localhost:port, :port (every interface) or unix:/path; or a list; "" is off`
	}
	return `ip:port, localhost:port or :port (every interface); or a list; "" is off`
}

func (l listeners) parse(text string) (string, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if !l.unix {
			return "", wrong("a unix socket can't be listened on here", "write ip:port")
		}
		return unixSocket(path)
	}
	host, port, err := splitAddress(text, "localhost:"+l.port)
	if err != nil {
		return "", err
	}
	if host == "" || host == "localhost" {
		return host + ":" + port, nil
	}
	ip, err := parseIP(host)
	if err != nil {
		if host == "*" {
			return "", wrong("is no address", "for every interface write :"+port)
		}
		return "", wrong("a name can't be listened on", "write an IP address, localhost:"+port+", or :"+port+" for every interface")
	}
	return net.JoinHostPort(ip.String(), port), nil
}

// maxUnixPath is in bytes: what every system has room for in an address
// (sys/un.h: 104 bytes in macOS, 108 in Linux, the last one zero).
const maxUnixPath = 103

func unixSocket(p string) (string, error) {
	if !strings.HasPrefix(p, "/") {
		return "", wrong("is not an absolute path", "write unix:/path")
	}
	p = path.Clean("/" + strings.TrimLeft(p, "/")) // unix:///path, as gRPC has it
	switch {
	case p == "/" || strings.ContainsRune(p, 0):
		return "", wrong("is no path of a socket", "write unix:/path")
	case len(p) > maxUnixPath:
		return "", wrong("is too long for a socket", fmt.Sprintf("write a path of at most %d bytes", maxUnixPath))
	}
	return "unix:" + p, nil
}

// origins are of web pages: "scheme://host" or "scheme://host:port", or "*" for
// any.
type origins struct{}

func (origins) takes() string {
	return `https://host, with :port if it is not the usual one, or *; or a list; "" is off`
}

func (origins) parse(text string) (string, error) {
	if text == "*" {
		return text, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", wrong("is not the origin of a web page", "write https://host or https://host:port, or * for any")
	}
	origin := strings.ToLower(u.Scheme + "://" + u.Host)
	switch {
	case strings.Contains(u.Host, "*"):
		return "", wrong("a part of an origin can't be left open", "write each origin, or * for any")
	case !strings.EqualFold(text, origin):
		return "", wrong("is more than an origin", "write "+origin)
	}
	return origin, nil
}

// paths are of PEM files that are read later; "" is none.
type paths struct{}

func (paths) takes() string          { return "path of a PEM file" }
func (paths) format(s string) string { return s }

func (paths) parse(text string) (string, error) {
	if strings.ContainsAny(text, "\n\x00") {
		return "", wrong("is what a file holds", "write its path")
	}
	return text, nil
}

// folders are paths of directories; "" is none.
type folders struct{}

func (folders) takes() string          { return "path of a directory" }
func (folders) format(s string) string { return s }

func (folders) parse(text string) (string, error) {
	switch {
	case strings.ContainsAny(text, "\n\x00"):
		return "", wrong("is no path", "write the path of a directory, like /var/lib/wayside")
	case text != "" && !filepath.IsAbs(text):
		return "", wrong("depends on where the agent is started", "write the whole path, like /var/lib/wayside")
	}
	return text, nil
}

// endpoints are addresses to send to: "host:port".
type endpoints struct{}

func (endpoints) takes() string { return "host:port, a URL for otlp-http; or a list" }

func (endpoints) parse(text string) (string, error) {
	if rest, ok := strings.CutPrefix(text, "dns:///"); ok && !strings.Contains(rest, "/") {
		text = rest // as gRPC spells it: names are resolved again by themselves
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		rest = strings.TrimPrefix(rest, "/")
		rest, _, _ = strings.Cut(rest, "/")
		rest = rest[strings.LastIndexByte(rest, '@')+1:]
		switch strings.ToLower(scheme) {
		case "http", "https":
			return parseURL(text, withPort(rest, "4318"))
		case "grpcs":
			return "", wrong("gRPC takes host:port, not a URL", "write "+withPort(rest, "4317")+" and set deliver.tls.enabled: true")
		case "dns":
			return "", wrong("a name server can't be chosen here", "write host:port, like "+withPort("", "4317"))
		default:
			return "", wrong("gRPC takes host:port, not a URL", "write "+withPort(rest, "4317"))
		}
	}
	if strings.HasPrefix(text, "unix:") {
		return "", wrong("unix sockets are not in this version yet", "write host:port")
	}
	host, port, err := splitAddress(text, "collector:4317")
	if err != nil {
		return "", err
	}
	if host == "" {
		return "", wrong("has no host", "write localhost:"+port+" or the collector's name")
	}
	if port == "0" {
		return "", wrong("port 0 can't be sent to", "write "+net.JoinHostPort(host, "4317"))
	}
	if ip, err := parseIP(host); err == nil {
		return net.JoinHostPort(ip.String(), port), nil
	}
	if !isName(host) {
		return "", wrong("is not a host name or an IP address", "write host:port, like collector:4317")
	}
	return net.JoinHostPort(strings.ToLower(host), port), nil
}

// parseURL takes the URL of an OTLP HTTP receiver and adds the usual path.
func parseURL(text, like string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", wrong("is not a URL", "write http://"+like+"/v1/traces")
	case u.User != nil:
		return "", wrong("has a password in it", "write http://"+like+" and set deliver.headers: {authorization: …}")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", wrong("has more than a path", "end it before the ? or #, and put keys into deliver.headers")
	}
	host, port := u.Hostname(), u.Port()
	if ip, err := parseIP(host); err == nil {
		host = ip.String()
	} else if !isName(host) {
		return "", wrong("has no host", "write http://"+like+"/v1/traces")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if port != "" && (err != nil || n == 0) {
		return "", wrong("port "+strconv.Quote(port)+" is not a number from 1 to 65535", "write http://"+withPort(host, "4318")+"/v1/traces")
	}
	u.Host = strings.ToLower(host)
	switch {
	case port != "":
		u.Host = net.JoinHostPort(u.Host, strconv.FormatUint(n, 10))
	case strings.Contains(host, ":"):
		u.Host = "[" + host + "]"
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// hostPort is where an endpoint's connections go to.
func hostPort(endpoint string) (host, port string) {
	if u, err := url.Parse(endpoint); err == nil && isURL(endpoint) {
		port := u.Port()
		if port == "" {
			port = map[bool]string{true: "443", false: "80"}[u.Scheme == "https"]
		}
		return u.Hostname(), port
	}
	host, port, _ = net.SplitHostPort(endpoint) // it was parsed before
	return host, port
}

func isURL(endpoint string) bool { return strings.Contains(endpoint, "://") }

// withPort is what a URL's host would be as an address, for advice.
func withPort(host, port string) string {
	if name, own, err := net.SplitHostPort(host); err == nil && isNumber(own) {
		host, port = name, own
	}
	host = strings.Trim(host, "[]")
	if _, err := parseIP(host); err != nil && !isName(host) {
		host = "collector"
	}
	return net.JoinHostPort(host, port)
}

// parseIP takes no zone that isn't the name of an interface.
func parseIP(s string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(s)
	if err == nil && ip.Zone() != "" && !isName(ip.Zone()) {
		err = wrong("has no usable zone", "write the name of an interface after the %")
	}
	return ip, err
}

// splitAddress cuts "host:port" and checks the port; example is the address of
// its advice.
func splitAddress(text, example string) (host, port string, err error) {
	if isNumber(text) {
		name, _, _ := strings.Cut(example, ":")
		return "", "", wrong("is a port without a host", "write "+name+":"+text)
	}
	like := "write host:port, like " + example
	host, port, err = net.SplitHostPort(text)
	if err != nil {
		_, usual, _ := strings.Cut(example, ":")
		ip, noIP := parseIP(text)
		switch {
		case text == "":
			return "", "", wrong("is empty", "remove it, or "+like)
		case noIP == nil:
			return "", "", wrong("has no port", "write "+net.JoinHostPort(ip.String(), usual))
		case strings.Count(text, ":") > 1:
			return "", "", wrong("is not host:port", "an IPv6 address stands in brackets, like [::1]:"+usual)
		}
		return "", "", wrong("has no port", like)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", "", wrong("port "+strconv.Quote(port)+" is not a number from 0 to 65535", like)
	}
	return host, strconv.FormatUint(n, 10), nil
}

// isName reports whether s can be a host name: RFC 1123, section 2.1, and the
// underscore, which Docker Compose allows in the names of services.
func isName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			default:
				return false
			}
		}
	}
	return true
}

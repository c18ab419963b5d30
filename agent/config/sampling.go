package config

import (
	"net/url"
	"strings"
)

// sources are where sampling strategies come from: an absolute path, a URL, or
// "host:port".
type sources struct{}

func (sources) takes() string {
	return `path of a file, URL or host:port (gRPC); or a list; "" is off`
}

func (sources) parse(text string) (string, error) {
	switch {
	case strings.ContainsAny(text, "\n\x00"):
		return "", wrong("is what a file holds", "write its path")
	case strings.HasPrefix(text, "/"):
		return text, nil
	case strings.HasPrefix(text, "http://"), strings.HasPrefix(text, "https://"):
		return parseSourceURL(text)
	}
	// What gRPC clients call a name that is looked up; the Jaeger Agent took it.
	address := strings.TrimPrefix(text, "dns:///")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		return "", wrong(brief(scheme)+" is not a scheme that is asked by", "write "+withPort(rest, "14250")+" for gRPC, and set sampling.tls.enabled: true for TLS; or http://…, https://…")
	}
	if !strings.Contains(address, ":") {
		return "", wrong("is no path, URL or address", "write the whole path of a file, http://host:port/path, or a collector's host:14250")
	}
	return endpoints{}.parse(address)
}

// parseSourceURL takes the URL of a strategies file, or of who answers for one
// service at a time; the path is the Jaeger Agent's where none is given.
func parseSourceURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return "", wrong("is not a URL", "write http://host:port/path")
	case u.User != nil:
		return "", wrong("has a password in it", "write http://"+u.Host+" without; sources are asked without credentials but a certificate")
	case u.Fragment != "":
		return "", wrong("has a fragment", "end it before the #")
	case u.Port() == "0":
		return "", wrong("port 0 can't be asked", "write http://host:5778/sampling")
	}
	if u.Path == "" || u.Path == "/" && u.RawQuery == "" {
		u.Path = "/sampling"
	}
	return u.String(), nil
}

// checkSampling checks what the keys of sampling say together. all are this
// agent's own listeners.
func (l *loader) checkSampling(all []listener) {
	c := &l.config.Sampling
	secure, kind := false, ""
	for i, s := range c.Sources {
		switch k := sourceKind(s); {
		case i > 0 && (k == aFile || kind == aFile):
			l.failValue("sampling.source", s, "a file stands alone; remove the others")
			return
		case i > 0 && k != kind:
			l.failValue("sampling.source", s, "is "+k+" beside "+kind+"; write sources of one kind")
			return
		default:
			kind = k
		}
		secure = secure || strings.HasPrefix(s, "https:") || kind == aCollector && c.TLS.Enabled
	}
	if kind != aFile {
		l.checkOwn("sampling.source", c.Sources, all)
	}
	if c.TLS.Enabled && !secure {
		l.failValue("sampling.tls.enabled", "true", "has no effect without a collector in sampling.source; write https:// in a URL, or remove it")
		return
	}
	l.checkTLS("sampling.tls", &c.TLS, secure, "set sampling.tls.enabled: true, or write https:// in sampling.source")
}

// The kinds of sources.
const (
	aFile      = "a file"
	aURL       = "a URL"
	aCollector = "a collector"
)

func sourceKind(s string) string {
	switch {
	case strings.HasPrefix(s, "/"):
		return aFile
	case isURL(s):
		return aURL
	}
	return aCollector
}

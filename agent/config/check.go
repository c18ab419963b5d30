package config

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// finish spells out localhost and checks what the keys say together. It runs
// when each of them is right by itself.
func (l *loader) finish() {
	c := l.config
	j := &c.Accept.Jaeger
	if len(j.Compact)+len(j.Binary)+len(j.ZipkinCompact)+len(j.GRPC)+len(j.HTTP)+len(c.Accept.OTLP.GRPC)+len(c.Accept.OTLP.HTTP)+len(c.Accept.Zipkin.HTTP) == 0 {
		l.failKey("accept", "nothing is taken in, every listener is off; leave accept.otlp.grpc at its default, 127.0.0.1:4317")
	}
	l.checkServerTLS("accept.tls", &c.Accept.TLS)
	l.checkServerTLS("admin.tls", &c.Admin.TLS)
	if len(c.Deliver.Endpoints) == 0 && !l.salvage {
		l.failKey("deliver.endpoint", "no collector is given; start with --endpoint collector:4317, or set deliver.endpoint in the file")
	}
	if quarter := c.Buffer.Memory / 4; c.Deliver.Batch.Bytes > quarter {
		l.failValue("deliver.batch.bytes", formatSize(c.Deliver.Batch.Bytes),
			"is more than a quarter of buffer.memory, which is what may be in flight; write at most "+formatSize(quarter)+", or a larger buffer.memory")
	}
	if d := &c.Buffer.Disk; d.Path != "" && d.Size < 2*c.Buffer.Memory {
		l.failValue("buffer.disk.size", formatSize(d.Size),
			"is less than twice buffer.memory; write at least "+formatSize(2*c.Buffer.Memory)+", or a smaller buffer.memory")
	}
	if c.Deliver.Batch.Age >= c.Buffer.MaxAge {
		l.failValue("deliver.batch.age", formatDuration(c.Deliver.Batch.Age),
			"spans would expire before they are sent; write less than buffer.max_age, "+formatDuration(c.Buffer.MaxAge))
	}
	for _, list := range []*[]string{&j.Compact, &j.Binary, &j.ZipkinCompact, &j.GRPC, &j.HTTP, &c.Accept.OTLP.GRPC, &c.Accept.OTLP.HTTP, &c.Accept.Zipkin.HTTP, &c.Control.HTTP, &c.Admin.HTTP} {
		*list = l.loopbacks(*list)
	}
	own := l.checkListeners()
	l.checkDelivery()
	l.checkSampling(own)
}

// loopbacks spells out localhost.
func (l *loader) loopbacks(list []string) []string {
	var out []string
	for _, a := range list {
		port, ok := strings.CutPrefix(a, "localhost:")
		if !ok {
			out = append(out, a)
			continue
		}
		out = append(out, "127.0.0.1:"+port)
		if l.loopback6() {
			out = append(out, "[::1]:"+port)
		}
	}
	return out
}

// A listener is a place where this agent can be reached.
type listener struct{ key, network, address string }

// checkListeners refuses two listeners in one place, and an endpoint that is
// one of them: spans would go round in circles.
func (l *loader) checkListeners() (all []listener) {
	c := l.config
	add := func(key, network string, list []string) {
		for _, address := range list {
			for _, other := range all {
				if (other.network == network || place(address) == "path") && overlap(other.address, address) {
					l.failValue(key, address, "is taken by "+other.key+" ("+other.address+"); give one of them another "+place(address))
				}
			}
			all = append(all, listener{key, network, address})
		}
	}
	add("accept.jaeger.compact", "udp", c.Accept.Jaeger.Compact)
	add("accept.jaeger.binary", "udp", c.Accept.Jaeger.Binary)
	add("accept.jaeger.zipkin_compact", "udp", c.Accept.Jaeger.ZipkinCompact)
	add("accept.jaeger.grpc", "tcp", c.Accept.Jaeger.GRPC)
	add("accept.jaeger.http", "tcp", c.Accept.Jaeger.HTTP)
	add("accept.otlp.grpc", "tcp", c.Accept.OTLP.GRPC)
	add("accept.otlp.http", "tcp", c.Accept.OTLP.HTTP)
	add("accept.zipkin.http", "tcp", c.Accept.Zipkin.HTTP)
	add("control.http", "tcp", c.Control.HTTP)
	add("admin.http", "tcp", c.Admin.HTTP)

	l.checkOwn("deliver.endpoint", c.Deliver.Endpoints, all)
	return all
}

// checkOwn refuses a value that is one of this agent's own listeners.
func (l *loader) checkOwn(key string, values []string, all []listener) {
	mine := l.addresses()
	name, _ := l.hostname() // without one, a name is never this machine's
	for _, v := range values {
		for _, own := range all {
			if reaches(v, own.address, mine, name) {
				fix := "write the collector's address"
				if strings.HasPrefix(own.key, "accept.otlp.") {
					fix += ", or if a collector is there, move " + own.key
				}
				l.failValue(key, v, "is this agent's own "+own.key+"; "+fix)
				break
			}
		}
	}
}

// place is what tells an address from others of its kind.
func place(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return "path"
	}
	return "port"
}

// overlap reports whether the system would refuse to open both. An unspecified
// address takes the port on every interface, and in Go of both IP versions.
func overlap(a, b string) bool {
	if strings.HasPrefix(a, "unix:") || strings.HasPrefix(b, "unix:") {
		return a == b
	}
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	return portA == portB && portA != "0" && (hostA == hostB || isAny(hostA) || isAny(hostB))
}

func isAny(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// reaches reports whether a connection to endpoint ends at a listener of this
// machine, whose addresses are mine and which calls itself name. Other names are
// not resolved here.
func reaches(endpoint, listener string, mine []netip.Addr, name string) bool {
	host, port := hostPort(endpoint)
	host = strings.TrimSuffix(host, ".")
	own, ownPort, _ := net.SplitHostPort(listener)
	if port != ownPort {
		return false
	}
	if host == "localhost" {
		ip, err := netip.ParseAddr(own)
		return isAny(own) || err == nil && ip.IsLoopback()
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return isAny(own) && name != "" && strings.EqualFold(host, name)
	}
	ip = ip.Unmap()
	if isAny(own) {
		return ip.IsLoopback() || ip.IsUnspecified() || slices.Contains(mine, ip)
	}
	return ip.String() == own || ip.IsUnspecified()
}

// failKey and failValue report a combination at the place where key was set.
func (l *loader) failKey(key, problem string)          { l.failAt(key, nil, problem) }
func (l *loader) failValue(key, value, problem string) { l.failAt(key, &value, problem) }

func (l *loader) failAt(key string, shown *string, problem string) {
	c := l.config
	if list, ok := c.shown[key]; ok && shown != nil {
		s := strings.Join(list, ", ")
		shown = &s
	}
	where := c.origin[key]
	if where == "" {
		where = l.file
	}
	l.errs = append(l.errs, &Error{where, key, shown, problem, l.lines[key]})
}

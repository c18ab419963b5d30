package config

import (
	"net"
	"slices"
	"strings"
)

// Salvage makes a configuration of a source that Load refuses, for an agent that
// must not keep others from starting. It has no endpoints, and nothing else below
// deliver: spans that are sent with half of what was asked for may come to
// somebody else. Of the other keys it has those that are right, also together;
// those that are not have their defaults.
func Salvage(s Source) *Config { return salvage(s, thisHost()) }

func salvage(s Source, h host) *Config {
	wrong := aside{"deliver"}
	wrong.add(read(s, h).errs)
	for news := true; news; {
		l := read(s, h)
		l.errs, l.salvage = nil, true
		for _, k := range table {
			if wrong.has(k.path) {
				l.reset(k)
			}
		}
		l.finish()
		if len(l.errs) == 0 {
			l.withoutTLS(wrong)
			l.adminWithoutTLS(wrong)
			return l.config
		}
		news = wrong.add(l.errs)
	}
	// What is wrong is between keys that have their defaults and others. All
	// defaults together are right.
	l := read(Source{}, h)
	l.salvage = true
	l.finish()
	return l.config
}

// aside are the paths of keys, and of groups, that are not used.
type aside []string

// add sets aside the keys that errors name, and reports whether that is news.
func (a *aside) add(errs Errors) (news bool) {
	for _, e := range errs {
		path := e.Key
		if strings.HasPrefix(path, "sampling.") {
			path = "sampling" // its keys mean something together
		}
		if path != "" && !a.has(path) {
			*a = append(*a, path)
			news = true
		}
	}
	return news
}

// has says whether a path is set aside, or something above or below it.
func (a aside) has(path string) bool {
	for _, p := range a {
		if p == path || strings.HasPrefix(path, p+".") || strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

// within says whether a group is set aside, or something in it.
func (a aside) within(group string) bool {
	return slices.ContainsFunc(a, func(p string) bool { return p == group || strings.HasPrefix(p, group+".") })
}

// reset gives a key its default.
func (l *loader) reset(k key) {
	switch k.path {
	case "deliver.headers":
		l.config.Deliver.Headers = nil
	case "tags":
		l.config.Tags = nil
	default:
		k.set(l.config, split(k, k.def), func(value, error) {})
	}
	delete(l.config.origin, k.path)
	delete(l.config.shown, k.path)
}

// withoutTLS turns off what was to be reached by TLS, and would be reached
// without.
func (l *loader) withoutTLS(wrong aside) {
	if !wrong.within("accept.tls") {
		return
	}
	a := &l.config.Accept
	for _, list := range []*[]string{&a.Jaeger.GRPC, &a.Jaeger.HTTP, &a.OTLP.GRPC, &a.OTLP.HTTP, &a.Zipkin.HTTP} {
		var kept []string
		for _, address := range *list {
			if strings.HasPrefix(address, "unix:") {
				kept = append(kept, address)
			}
		}
		*list = kept
	}
	a.TLS = ServerTLS{}
}

// adminWithoutTLS leaves the admin addresses to this machine alone, where they were
// to be reached by TLS. Whoever waits for the agent to be ready must reach it.
func (l *loader) adminWithoutTLS(wrong aside) {
	if !wrong.within("admin.tls") {
		return
	}
	a := &l.config.Admin
	a.TLS = ServerTLS{}
	var local []string
	for _, address := range a.HTTP {
		_, port, _ := net.SplitHostPort(address) // it was parsed before
		if address = net.JoinHostPort("127.0.0.1", port); !slices.Contains(local, address) {
			local = append(local, address)
		}
	}
	a.HTTP = local
}

package config

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Header is sent with every request. Name is in lower case.
type Header struct {
	Name  string
	Parts []Part // the value, put end to end
	// Shown stands for the value where people look: references are shown as
	// they are, anything else as hidden.
	Shown string
}

// Part of a value: a text, or what a file holds, without the line end after it.
type Part struct{ Text, File string }

// hidden is shown in place of a value, and is no value.
const hidden = "***"

// What is sent with every request takes up this much, in bytes, at most: gRPC's
// own limit for all headers of a call is 8 KiB in several languages.
const (
	maxHeaders     = 32
	maxHeaderValue = 8 << 10
)

// ownHeaders are set by the agent or belong to a connection.
var ownHeaders = []string{
	"connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive",
	"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
}

// showable are values that can be shown: one reference, perhaps with the name
// of an authentication scheme before it.
var showable = regexp.MustCompile(`^(?:[A-Za-z]+ )?\$\{(?:file:[^}]+|[A-Za-z_][A-Za-z0-9_]*)\}$`)

// headers is the row of the table for names with values.
func headers(path, doc string) key {
	return key{
		path: path, def: "{}", doc: doc, pairs: true,
		takes: `names with values, like {authorization: "Bearer ${file:/run/token}"}`,
		set:   func(*Config, []value, func(value, error)) {}, // the loader does it
		show: func(c *Config) (list []string) {
			for _, h := range c.Deliver.Headers {
				list = append(list, h.Name+": "+h.Shown)
			}
			return list
		},
	}
}

// headers reads names with values. No error shows a value.
func (l *loader) headers(k key, line int, n *yaml.Node) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		l.fail(n.Line, k.path, nil, "is not names with values; write %s", strings.TrimPrefix(k.takes, "names with values, like "))
		return
	}
	var list []Header
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, v := n.Content[i], n.Content[i+1]
		h, err := l.header(name, v)
		if err == nil && slices.ContainsFunc(list, func(o Header) bool { return o.Name == h.Name }) {
			err = wrong("is there twice, names are not case-sensitive", "remove one")
		}
		if err != nil {
			l.fail(name.Line, k.path+"."+name.Value, nil, "%v", err)
			continue
		}
		list = append(list, h)
	}
	if len(list) > maxHeaders {
		l.fail(line, k.path, nil, "are %d; write %d at most", len(list), maxHeaders)
	}
	slices.SortFunc(list, func(a, b Header) int { return cmp.Compare(a.Name, b.Name) })
	l.config.Deliver.Headers = list
	l.config.origin[k.path] = l.file + ":" + strconv.Itoa(line)
}

func (l *loader) header(name, n *yaml.Node) (Header, error) {
	h := Header{Name: strings.ToLower(name.Value), Shown: hidden}
	switch {
	case name.Kind != yaml.ScalarNode || !isToken(h.Name):
		return h, wrong("is not a header's name", "write letters, digits and -, like x-tenant")
	case slices.Contains(ownHeaders, h.Name) || strings.HasPrefix(h.Name, "grpc-"):
		return h, wrong("is set by the agent itself", "remove it")
	case n.Kind != yaml.ScalarNode || isNull(n):
		return h, wrong("has no value", "write one in quotes, or remove the header")
	case n.Value == hidden:
		return h, wrong(hidden+" stands for a value that is not shown", "write the value, or better ${file:/path}")
	}
	var err error
	if h.Parts, err = l.parts(n.Value); err != nil {
		return h, err
	}
	text, _, err := l.join(h.Parts)
	if err == nil {
		err = checkHeaderValue(text)
	}
	if showable.MatchString(n.Value) {
		h.Shown = n.Value
	}
	return h, err
}

// isToken reports whether s can be a header's name (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~", r)
	}) < 0
}

// checkHeaderValue takes what HTTP and gRPC both take: printable ASCII.
func checkHeaderValue(s string) error {
	switch {
	case s == "":
		return wrong("has an empty value", "write one, or remove the header")
	case len(s) > maxHeaderValue:
		return wrong("has a value of more than "+formatSize(maxHeaderValue), "check the file that it comes from")
	case strings.TrimSpace(s) != s:
		return wrong("has a value with a space at an end", "remove it")
	case strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0:
		return wrong("has a value with other characters than printable ASCII", "check for line breaks in it or in its file")
	}
	return nil
}

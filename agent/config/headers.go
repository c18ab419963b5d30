package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wayside-tracing/wayside/internal/header"
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
	if len(list) > header.Max {
		l.fail(line, k.path, nil, "are %d; write %d at most", len(list), header.Max)
	}
	slices.SortFunc(list, func(a, b Header) int { return cmp.Compare(a.Name, b.Name) })
	l.config.Deliver.Headers = list
	l.config.origin[k.path] = l.file + ":" + strconv.Itoa(line)
}

func (l *loader) header(name, n *yaml.Node) (Header, error) {
	h := Header{Name: strings.ToLower(name.Value), Shown: hidden}
	if name.Kind != yaml.ScalarNode {
		h.Name = ""
	}
	if err := header.CheckName(h.Name); err != nil {
		return h, err
	}
	switch {
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
		err = header.CheckValue(text)
	}
	if showable.MatchString(n.Value) {
		h.Shown = n.Value
	}
	return h, err
}

// checkHeadersFrom checks the files of deliver.headers_from as they are now. No
// error shows a value.
func (l *loader) checkHeadersFrom() {
	const key = "deliver.headers_from"
	d := &l.config.Deliver
	if d.HeadersFrom == "" {
		return
	}
	names, err := l.headerFiles(d.HeadersFrom)
	if err != nil {
		l.failValue(key, d.HeadersFrom, "can't be read: "+cause(err).Error()+"; name a folder in which each file is a header")
		return
	}
	if n := len(names) + len(d.Headers); n > header.Max {
		l.failValue(key, d.HeadersFrom, fmt.Sprintf("has, with deliver.headers, %d headers; %d are the most", n, header.Max))
		return
	}
	for _, name := range names {
		lower := strings.ToLower(name)
		err := header.CheckName(lower)
		if err == nil && slices.ContainsFunc(d.Headers, func(h Header) bool { return h.Name == lower }) {
			err = wrong("is in deliver.headers as well", "remove one")
		}
		var content []byte
		if err == nil {
			if content, err = l.readFile(filepath.Join(d.HeadersFrom, name), maxValueFile); err != nil {
				err = wrong("can't be read: "+cause(err).Error(), "check its permissions")
			}
		}
		if err == nil {
			err = header.CheckValue(header.Value(content))
		}
		if err != nil {
			l.failValue(key, filepath.Join(d.HeadersFrom, name), err.Error())
		}
	}
}

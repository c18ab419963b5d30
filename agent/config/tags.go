package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Tag is an attribute that the resource of each span is to have.
type Tag struct {
	Key, Value string
	shown      string // of the value: what came from a file is shown as the reference to it
}

// Every resource that comes in may get all of them, so they are few: Kubernetes'
// attributes of a pod and its node are about twenty, in a kilobyte.
const (
	maxTags     = 64
	maxTagBytes = 4 << 10 // keys and values together
)

// tags is the row of the table for attributes.
func tags(path, doc string) key {
	return key{
		path: path, def: "{}", doc: doc, pairs: true,
		takes: `names with values, like {deployment.environment.name: "${ENV:prod}"}`,
		set:   func(*Config, []value, func(value, error)) {}, // the loader does it
		show: func(c *Config) (list []string) {
			for _, t := range c.Tags {
				list = append(list, t.Key+": "+t.shown)
			}
			return list
		},
	}
}

// tags reads attributes. where is the place that an error names if it has no
// line of the file.
func (l *loader) tags(k key, where string, line int, n *yaml.Node) {
	fail := func(key string, shown *string, err error) {
		l.errs = append(l.errs, &Error{where, key, shown, err.Error(), line})
	}
	if n.Kind != yaml.MappingNode {
		if !isNull(n) {
			fail(k.path, nil, wrong("is not names with values", "write {name: value}"))
		}
		return
	}
	var list []Tag
	size := 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		t, err := l.tag(n.Content[i], n.Content[i+1])
		if err == nil && slices.ContainsFunc(list, func(o Tag) bool { return o.Key == t.Key }) {
			err = wrong("is there twice", "remove one")
		}
		if err != nil {
			shown := n.Content[i+1].Value
			fail(k.path+"."+n.Content[i].Value, &shown, err)
			continue
		}
		list = append(list, t)
		size += len(t.Key) + len(t.Value)
	}
	if len(list) > maxTags || size > maxTagBytes {
		fail(k.path, nil, wrong("are "+strconv.Itoa(len(list))+" with "+strconv.Itoa(size)+" bytes",
			"write "+strconv.Itoa(maxTags)+" at most, of "+formatSize(maxTagBytes)+" together: each span may carry all of them"))
	}
	slices.SortFunc(list, func(a, b Tag) int { return cmp.Compare(a.Key, b.Key) })
	l.config.Tags = list
	l.config.origin[k.path] = where
}

func (l *loader) tag(name, n *yaml.Node) (Tag, error) {
	odd := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	switch {
	case name.Kind != yaml.ScalarNode || name.Value == "" || strings.ContainsFunc(name.Value, odd) || !utf8.ValidString(name.Value):
		return Tag{}, wrong("is not the name of an attribute", "write a word, like deployment.environment.name")
	case n.Kind != yaml.ScalarNode || isNull(n):
		return Tag{}, wrong("has no value", "write one in quotes, or remove it")
	}
	value, fromFile, err := l.expand(n.Value)
	if err == nil && !utf8.ValidString(value) {
		err = wrong("has a value that is not UTF-8", "check the variable or file that it comes from")
	}
	t := Tag{name.Value, value, strings.ReplaceAll(value, "${", "$${")}
	if fromFile {
		t.shown = n.Value
	}
	return t, err
}

// tagsFrom reads attributes that are written in one line, as in a flag.
func (l *loader) tagsFrom(k key, o Setting) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(o.Value), &doc); err != nil || len(doc.Content) != 1 {
		l.errs = append(l.errs, &Error{o.From, k.path, &o.Value, "is not names with values; write {name: value}", 0})
		return
	}
	l.tags(k, o.From, 0, doc.Content[0])
}

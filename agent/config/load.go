package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value is one scalar on its way into a Config.
type value struct {
	text  string // expanded
	shown string // what an error may show of it
	where string
	line  int
}

// loader walks a YAML document and collects what is wrong with it.
type loader struct {
	host
	file   string
	config *Config
	lines  map[string]int // key or group → where it was first
	errs   Errors
	// salvage is true when a configuration without endpoints will do.
	salvage bool
}

func (l *loader) fail(line int, key string, shown *string, format string, args ...any) {
	where := l.file
	if line > 0 {
		where += ":" + strconv.Itoa(line)
	}
	l.errs = append(l.errs, &Error{where, key, shown, fmt.Sprintf(format, args...), line})
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

func (l *loader) yaml(text []byte) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := d.Decode(&doc)
	if err == nil {
		if e := d.Decode(&second); e == nil {
			l.fail(second.Line, "", nil, "a second document begins; a configuration is one document, remove the --- between them")
			return
		} else if !errors.Is(e, io.EOF) {
			err = e
		}
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			return // an empty file: all defaults
		}
		m := yamlError.FindStringSubmatch(err.Error())
		if m == nil {
			m = []string{"", "", err.Error()}
		}
		line, _ := strconv.Atoi(m[1]) // 0 when there is none
		fix := ""
		switch {
		case bytes.Contains(text, []byte("\n\t")):
			fix = " (YAML is indented with spaces, never with tabs)"
		case bytes.Contains(text, []byte("${")):
			fix = " (between { and } a value with ${…} stands in quotes)"
		}
		l.fail(line, "", nil, "is not YAML: %s%s", strings.ReplaceAll(m[2], "\n", " "), fix)
		return
	}
	l.group("", doc.Content[0])
}

// group reads a mapping of keys that all begin with prefix.
func (l *loader) group(prefix string, n *yaml.Node) {
	if isNull(n) {
		return // "deliver:" with nothing below sets nothing
	}
	if n.Kind != yaml.MappingNode {
		path, shown := strings.TrimSuffix(prefix, "."), (*string)(nil)
		if n.Kind == yaml.ScalarNode {
			shown = &n.Value
		}
		if path == "" {
			l.fail(n.Line, "", shown, "a configuration is keys and values, like deliver: {endpoint: collector:4317}")
			return
		}
		l.fail(n.Line, path, shown, "has keys of its own (%s), no value", strings.Join(children(path), ", "))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		l.entry(prefix, n.Content[i], n.Content[i+1])
	}
}

func (l *loader) entry(prefix string, name, n *yaml.Node) {
	if name.Kind != yaml.ScalarNode || name.Value == "" {
		l.fail(name.Line, strings.TrimSuffix(prefix, "."), nil, "a key is a word; its value follows a colon and a space")
		return
	}
	path := prefix + name.Value
	k, known := find(path)
	switch {
	case known || (isGroup(path) && !strings.Contains(name.Value, ".")):
		if first, twice := l.lines[path]; twice {
			l.fail(name.Line, path, nil, "is here a second time, first in line %d; remove one", first)
			return
		}
		l.lines[path] = name.Line
	}
	switch {
	case strings.Contains(name.Value, ".") && (known || isGroup(path)):
		l.fail(name.Line, path, nil, "keys are nested; write %s", nested(path))
	case known && k.path == "tags":
		l.tags(k, l.file+":"+strconv.Itoa(name.Line), name.Line, n)
	case known && k.pairs:
		l.headers(k, name.Line, n)
	case known:
		l.leaf(k, name.Line, n)
	case slices.ContainsFunc(later, func(p string) bool { return path == p }):
		l.fail(name.Line, path, nil, "not in this version yet; remove it")
	case isGroup(path):
		l.group(path+".", n)
	default:
		l.fail(name.Line, path, nil, "%s", unknown(prefix, name.Value))
	}
}

func (l *loader) leaf(k key, line int, n *yaml.Node) {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode && k.list {
		nodes = n.Content
	}
	values := make([]value, 0, len(nodes))
	for _, n := range nodes {
		v, err := l.scalar(k, n)
		if err != nil {
			var shown *string
			if n.Kind == yaml.ScalarNode && !isNull(n) {
				shown = &n.Value
			}
			l.fail(n.Line, k.path, shown, "%v", err)
			return
		}
		if v.text == "" && k.list && n.Kind == yaml.ScalarNode && len(nodes) == 1 {
			continue // off
		}
		values = append(values, v.split(k)...)
	}
	l.set(k, values, l.file+":"+strconv.Itoa(line))
}

func (l *loader) scalar(k key, n *yaml.Node) (value, error) {
	switch {
	case n.Kind == yaml.AliasNode:
		return value{}, wrong("aliases are not understood here", "write the value itself")
	case n.Kind != yaml.ScalarNode && k.list:
		return value{}, wrong("is not a value or a list of values", "it takes "+k.takes)
	case n.Kind != yaml.ScalarNode:
		return value{}, wrong("is not one value", "it takes "+k.takes)
	case isNull(n):
		return value{}, wrong("has no value", "write one, or remove the key to get the default, "+quoted(k.def))
	}
	text, fromFile, err := l.expand(n.Value)
	v := value{text, text, l.file + ":" + strconv.Itoa(n.Line), n.Line}
	if fromFile {
		v.shown = n.Value
	}
	return v, err
}

// override sets a key from outside of the file.
func (l *loader) override(o Setting) {
	k, ok := find(o.Key)
	if !ok {
		panic("config: no key " + o.Key)
	}
	if k.path == "tags" {
		l.tagsFrom(k, o)
		return
	}
	text, fromFile, err := l.expand(o.Value)
	v := value{text: text, shown: text, where: o.From}
	if fromFile || err != nil {
		v.shown = o.Value
	}
	if err != nil {
		l.errs = append(l.errs, &Error{o.From, k.path, &v.shown, err.Error(), 0})
		return
	}
	if text == "" && k.list {
		l.set(k, nil, o.From) // off
		return
	}
	l.set(k, v.split(k), o.From)
}

func (l *loader) set(k key, values []value, origin string) {
	l.config.origin[k.path] = origin
	delete(l.config.shown, k.path)
	if slices.ContainsFunc(values, func(v value) bool { return v.shown != v.text }) {
		var shown []string
		for _, v := range values {
			shown = append(shown, v.shown)
		}
		l.config.shown[k.path] = slices.Compact(shown) // one file may hold several
	}
	k.set(l.config, values, func(v value, problem error) {
		l.errs = append(l.errs, &Error{v.where, k.path, &v.shown, problem.Error(), v.line})
	})
}

// split cuts a list that is written with commas, which no address contains.
func (v value) split(k key) []value {
	if !k.list || !strings.Contains(v.text, ",") {
		return []value{v}
	}
	var list []value
	for part := range strings.SplitSeq(v.text, ",") {
		e := v
		e.text = strings.TrimSpace(part)
		if v.shown == v.text {
			e.shown = e.text
		}
		list = append(list, e)
	}
	return list
}

// split makes the values of a default.
func split(k key, text string) []value {
	if k.list && text == "" {
		return nil
	}
	return value{text: text, shown: text}.split(k)
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// unknown says what a key that does not exist may have been meant to be: a
// neighbour, or a key of this name in the same group.
func unknown(prefix, name string) string {
	siblings := children(strings.TrimSuffix(prefix, "."))
	if near := Nearest(name, siblings); near != "" {
		return fmt.Sprintf("unknown key; did you mean %s?", prefix+near)
	}
	group, _, nested := strings.Cut(prefix, ".")
	if nested {
		group += "."
	}
	for _, k := range table {
		if strings.HasPrefix(k.path, group) && strings.HasSuffix(k.path, "."+name) {
			return fmt.Sprintf("unknown key; did you mean %s?", k.path)
		}
	}
	if prefix == "" {
		return "unknown key; here are: " + strings.Join(siblings, ", ")
	}
	return fmt.Sprintf("unknown key; in %s are: %s", strings.TrimSuffix(prefix, "."), strings.Join(siblings, ", "))
}

// children are the names directly below a group; "" is the top.
func children(path string) []string {
	var names []string
	for _, k := range table {
		rest, ok := strings.CutPrefix(k.path, path+".")
		if path == "" {
			rest, ok = k.path, true
		}
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// nested writes a.b.c as "a: {b: {c: …}}".
func nested(path string) string {
	parts := strings.Split(path, ".")
	return strings.Join(parts, ": {") + ": …" + strings.Repeat("}", len(parts)-1)
}

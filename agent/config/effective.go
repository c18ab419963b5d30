package config

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// Effective is a configuration as it is in force, without secrets: every key
// with its value, in the order of the documentation.
type Effective []Effect

// Effect is the value of one key. Origin is where it was set, "" for a default.
type Effect struct {
	Key    string
	Values []string // one, unless the key is a list
	Origin string
	list   bool
	pairs  bool // Values are "name: value"
}

// Effective returns what is in force. What came from a file is shown as the
// reference to it.
func (c *Config) Effective() Effective {
	list := make(Effective, len(table))
	for i, k := range table {
		list[i] = Effect{k.path, k.show(c), c.origin[k.path], k.list, k.pairs}
		if s, ok := c.shown[k.path]; ok {
			list[i].Values = s
		}
	}
	return list
}

// All yields every key with its value in one string.
func (e Effective) All(yield func(key, value string) bool) {
	for _, s := range e {
		v := strings.Join(s.Values, ", ")
		if v == "" {
			v = "off"
		}
		if !yield(s.Key, v) {
			return
		}
	}
}

// MarshalJSON writes one object, key → value; a key that is a list has an array.
func (e Effective) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, s := range e {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, s.Key), ':')
		if s.pairs {
			b = append(b, '{')
			for j, v := range s.Values {
				if j > 0 {
					b = append(b, ',')
				}
				name, value, _ := strings.Cut(v, ": ")
				b = appendJSON(append(appendJSON(b, name), ':'), value)
			}
			b = append(b, '}')
			continue
		}
		if s.list {
			b = append(b, '[')
			for j, v := range s.Values {
				if j > 0 {
					b = append(b, ',')
				}
				b = appendJSON(b, v)
			}
			b = append(b, ']')
			continue
		}
		if v := s.Values[0]; v == "true" || v == "false" {
			b = append(b, v...)
		} else {
			b = appendJSON(b, v)
		}
	}
	return append(b, '}'), nil
}

func appendJSON(b []byte, s string) []byte {
	j, _ := json.Marshal(s) // a string has no error
	return append(b, j...)
}

// WriteYAML writes a file that loads as this configuration; each value that is
// no default says where it was set.
func (e Effective) WriteYAML(w io.Writer) error {
	var b strings.Builder
	var open []string // groups that the last line was in
	for _, s := range e {
		parts := strings.Split(s.Key, ".")
		groups, name := parts[:len(parts)-1], parts[len(parts)-1]
		same := 0
		for same < len(groups) && same < len(open) && groups[same] == open[same] {
			same++
		}
		for i := same; i < len(groups); i++ {
			b.WriteString(strings.Repeat("  ", i) + groups[i] + ":\n")
		}
		open = groups
		b.WriteString(strings.Repeat("  ", len(groups)) + name + ": ")
		switch {
		case s.pairs:
			b.WriteString("{")
			for i, v := range s.Values {
				if i > 0 {
					b.WriteString(", ")
				}
				name, value, _ := strings.Cut(v, ": ")
				b.WriteString(quoted(name) + ": " + quoted(value))
			}
			b.WriteString("}")
		case len(s.Values) == 0:
			b.WriteString(`""`)
		case len(s.Values) == 1:
			b.WriteString(quoted(s.Values[0]))
		default:
			b.WriteString("[")
			for i, v := range s.Values {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString(quoted(v))
			}
			b.WriteString("]")
		}
		if s.Origin != "" {
			b.WriteString(" # " + s.Origin)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quoted writes a YAML scalar, plain where that can't be misread.
func quoted(s string) string {
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_", r)
	}) < 0 && s[0] != ':' && s[0] != '-' && s[len(s)-1] != ':'
	if plain {
		return s
	}
	return string(appendJSON(nil, s)) // a JSON string is a YAML one
}

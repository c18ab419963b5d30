package translators

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"go.opentelemetry.io/collector/pdata/ptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// collectorText is a request as the Collector writes it in JSON.
func collectorText(t *testing.T, td *tracepb.TracesData) []byte {
	t.Helper()
	traces, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(marshal(t, td))
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func marshal(t *testing.T, td *tracepb.TracesData) []byte {
	t.Helper()
	request, err := proto.Marshal(td)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// protobufText is a request as protobuf's own library writes it, with ids in hex.
func protobufText(t *testing.T, td *tracepb.TracesData, original, zeros bool) []byte {
	t.Helper()
	text, err := protojson.MarshalOptions{UseProtoNames: original, UseEnumNumbers: true, EmitUnpopulated: zeros}.Marshal(td)
	if err != nil {
		t.Fatal(err)
	}
	tree := parse(t, text)
	walk(tree, func(name string, v any) any {
		s, ok := v.(string)
		if !ok || !strings.HasSuffix(camel(name), "raceId") && !strings.HasSuffix(camel(name), "panId") {
			return v
		}
		id, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(id)
	})
	text, err = json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parse(t *testing.T, text []byte) (tree any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// walk changes the members of all objects.
func walk(tree any, change func(name string, v any) any) {
	switch v := tree.(type) {
	case map[string]any:
		for name := range v {
			walk(v[name], change)
			v[name] = change(name, v[name])
		}
	case []any:
		for _, item := range v {
			walk(item, change)
		}
	}
}

func camel(name string) string {
	var b strings.Builder
	for i, part := range strings.Split(name, "_") {
		if i > 0 && part != "" {
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		b.WriteString(part)
	}
	return b.String()
}

func snake(name string) string {
	var b strings.Builder
	for _, c := range name {
		if unicode.IsUpper(c) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// rewriter writes a text in another way that means the same.
type rewriter struct {
	generator
	odd bool // also in ways that the Collector does not take
	b   bytes.Buffer
}

func (w *rewriter) space() {
	if w.one(4) {
		w.b.WriteString(pick(w.generator, " ", "\n", "\t", "\r\n  ", "    "))
	}
}

func (w *rewriter) value(name string, tree any) {
	w.space()
	switch v := tree.(type) {
	case map[string]any:
		w.object(v)
	case []any:
		w.b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				w.b.WriteByte(',')
			}
			w.value("", item)
		}
		w.space()
		w.b.WriteByte(']')
	case string:
		w.text(name, v)
	case json.Number:
		w.number(name, string(v))
	case bool:
		w.b.WriteString(strconv.FormatBool(v))
	case nil:
		w.b.WriteString("null")
	default:
		panic(fmt.Sprintf("%T", v))
	}
	w.space()
}

// object writes the members in any order, and some that are not known.
func (w *rewriter) object(v map[string]any) {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	w.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	if w.one(10) {
		names = slices.Insert(names, w.IntN(len(names)+1), "")
	}
	w.b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			w.b.WriteByte(',')
		}
		w.space()
		if name == "" {
			w.b.WriteString(pick(w.generator, `"unknown":{"a":[1,-2.5e+3,"x\"",true,false,null,{}]}`, `"stringvalue":"x"`, `"Name":7`, `"spanid":[]`))
			continue
		}
		written := pick(w.generator, name, camel(name), snake(name))
		if w.one(20) {
			written = "\x00" + written
		}
		if escaped, ok := strings.CutPrefix(written, "\x00"); ok {
			w.escape(escaped)
		} else {
			w.b.WriteString(strconv.Quote(written))
		}
		w.space()
		w.b.WriteByte(':')
		w.value(camel(name), v[name])
	}
	w.space()
	w.b.WriteByte('}')
}

// wide are the fields of 64 bits, written as strings or numbers.
var wide = []string{"startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "intValue"}

func (w *rewriter) text(name, s string) {
	switch {
	case slices.Contains(wide, name) && w.one(2):
		w.number(name, s)
	case (strings.HasSuffix(name, "raceId") || strings.HasSuffix(name, "panId")) && w.one(2):
		w.b.WriteString(strconv.Quote(strings.ToUpper(s)))
	case name == "bytesValue" && w.odd:
		s = pick(w.generator, s, strings.TrimRight(s, "="))
		if w.one(2) {
			s = strings.NewReplacer("+", "-", "/", "_").Replace(s)
		}
		w.b.WriteString(strconv.Quote(s))
	case w.one(4):
		w.escape(s)
	default:
		text, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		w.b.Write(text)
	}
}

// escape writes every character as an escape, or some.
func (w *rewriter) escape(s string) {
	w.b.WriteByte('"')
	all := w.one(2)
	for _, c := range s {
		switch {
		case c == '/' && w.one(2):
			w.b.WriteString(`\/`)
		case all || c < ' ' || c == '"' || c == '\\' || w.one(3):
			for _, u := range utf16.AppendRune(nil, c) {
				fmt.Fprintf(&w.b, pick(w.generator, `\u%04x`, `\u%04X`), u)
			}
		default:
			w.b.WriteRune(c)
		}
	}
	w.b.WriteByte('"')
}

func (w *rewriter) number(name, s string) {
	switch {
	case w.odd && name != "doubleValue" && w.one(4):
		s = pick(w.generator, s+".0", s+"e0", s+".000E+0")
		if strings.Trim(s, "-0.eE+") != "" && w.one(2) {
			s, _, _ = strings.Cut(s, ".")
			s, _, _ = strings.Cut(s, "e")
			s = pick(w.generator, s+"0e-1", s+"00.00E-02")
		}
	case w.odd && name == "doubleValue" && w.one(4):
		s = pick(w.generator, s, strconv.Quote(s))
	}
	if name != "kind" && name != "code" && w.one(4) && !strings.HasPrefix(s, `"`) {
		s = strconv.Quote(s)
	}
	w.b.WriteString(s)
}

// Package fields takes OTLP spans apart into named fields, so that two accounts of the same spans can be compared field by
// field. It knows no field by name: whatever the protobuf descriptors hold is compared, and so is what they do not hold.
package fields

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Span is one span with everything that is said of it, its resource and its scope included: path → value, as in
//
//	span.attributes[http.method].value.string_value → "GET"
//
// Fields that hold their default value are absent, as on the wire, and so are an empty resource, scope, status or value,
// which mean what none means (trace.proto, common.proto). Attributes are known by their key and not by their
// place, since OTLP calls them a map (opentelemetry-proto, common.proto, KeyValue); a key that is there twice has #2.
type Span struct {
	ID     string // trace and span id in hex, to find the same span on the other side
	Fields map[string]string
}

// Of takes every span of a message apart. How spans are grouped in ResourceSpans and ScopeSpans is no field of a span.
func Of(spans []*tracepb.ResourceSpans) []Span {
	var all []Span
	for _, rs := range spans {
		resource := without(rs, "scope_spans")
		for _, ss := range rs.GetScopeSpans() {
			scope := without(ss, "spans")
			for _, s := range ss.GetSpans() {
				f := make(map[string]string)
				flatten(f, "resource_spans", resource, false)
				flatten(f, "scope_spans", scope, false)
				flatten(f, "span", s.ProtoReflect(), false)
				all = append(all, Span{ID: fmt.Sprintf("%x/%x", s.GetTraceId(), s.GetSpanId()), Fields: f})
			}
		}
	}
	return all
}

// without is a copy of a message in which one field is not set.
func without(m proto.Message, field protoreflect.Name) protoreflect.Message {
	c := m.ProtoReflect().New()
	m.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Name() != field {
			c.Set(fd, v)
		}
		return true
	})
	c.SetUnknown(m.ProtoReflect().GetUnknown())
	return c
}

// flatten writes down what is in a message. That there is one at all is a field of its own where presence counts.
func flatten(f map[string]string, path string, m protoreflect.Message, presence bool) {
	empty := true
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		empty = false
		p := path + "." + string(fd.Name())
		if !fd.IsList() {
			leaf(f, p, fd, v, fd.ContainingOneof() != nil)
			return true
		}
		seen := make(map[string]int)
		for i := range v.List().Len() {
			item := v.List().Get(i)
			name := strconv.Itoa(i)
			if fd.Name() == "attributes" {
				name = item.Message().Get(item.Message().Descriptor().Fields().ByName("key")).String()
				if seen[name]++; seen[name] > 1 {
					name += "#" + strconv.Itoa(seen[name])
				}
			}
			leaf(f, p+"["+name+"]", fd, item, true)
		}
		return true
	})
	if unknown := m.GetUnknown(); len(unknown) > 0 {
		f[path+".unknown"] = hex.EncodeToString(unknown)
	} else if empty && presence {
		f[path] = "{}"
	}
}

func leaf(f map[string]string, path string, fd protoreflect.FieldDescriptor, v protoreflect.Value, presence bool) {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		flatten(f, path, v.Message(), presence)
	case protoreflect.BytesKind:
		f[path] = hex.EncodeToString(v.Bytes())
	case protoreflect.StringKind:
		f[path] = strconv.Quote(v.String())
	default:
		f[path] = fmt.Sprint(v.Interface())
	}
}

// Diff says where got differs from want, a line for each field, nothing if they are the same. Spans are matched by their
// ids; of several with the same ids, the first with the first.
func Diff(want, got []Span) []string {
	var lines []string
	rest := make(map[string][]Span)
	for _, g := range got {
		rest[g.ID] = append(rest[g.ID], g)
	}
	for _, w := range want {
		same := rest[w.ID]
		if len(same) == 0 {
			lines = append(lines, w.ID+": missing")
			continue
		}
		rest[w.ID] = same[1:]
		lines = append(lines, diff(w.ID, w.Fields, same[0].Fields)...)
	}
	for _, id := range slices.Sorted(maps.Keys(rest)) {
		for range rest[id] {
			lines = append(lines, id+": one more than wanted")
		}
	}
	return lines
}

func diff(id string, want, got map[string]string) []string {
	all := maps.Clone(want)
	maps.Copy(all, got)
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		w, inWant := want[path]
		g, inGot := got[path]
		switch {
		case !inGot:
			lines = append(lines, fmt.Sprintf("%s: %s: want %s, got nothing", id, path, w))
		case !inWant:
			lines = append(lines, fmt.Sprintf("%s: %s: want nothing, got %s", id, path, g))
		case w != g:
			lines = append(lines, fmt.Sprintf("%s: %s: want %s, got %s", id, path, w, g))
		}
	}
	return lines
}

package otlpjson

import (
	"math"
	"strconv"

	"github.com/wayside-tracing/wayside/wire/json"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// quick reads an attribute and writes it into a field, if it is one as nearly
// all are: without white space, the key first, then one simple value, nothing
// escaped and nothing but ASCII. Otherwise it says no and has done nothing.
//
// Attributes are most of a request: this takes a span of ten from 2.4 µs to 1.3.
func (t *Transcoder) quick(number, depth int) bool {
	r := &t.r
	r.Peek()
	p, i := r.Rest(), 0
	const head, middle = `{"key":"`, `","value":{"`
	if depth+2 > otlp.MaxDepth || !json.Has(p, i, head) {
		return false
	}
	i += len(head)
	end := json.Plain(p, i)
	if !json.Has(p, end, middle) {
		return false
	}
	key := p[i:end:end]
	i = end + len(middle)
	switch b := &t.out; {
	case json.Has(p, i, `stringValue":"`):
		i += len(`stringValue":"`)
		end = json.Plain(p, i)
		if !json.Has(p, end, `"}}`) {
			return false
		}
		b.StringAttribute(number, key, p[i:end])
		end++
	case json.Has(p, i, `intValue":`):
		i += len(`intValue":`)
		quoted := i < len(p) && p[i] == '"'
		if quoted {
			i++
		}
		var whole bool
		if end, whole = json.NumberAt(p, i); !whole {
			return false
		}
		v, ok := json.Signed(p[i:end], 64)
		if quoted {
			if !json.Has(p, end, `"`) {
				return false
			}
			end++
		}
		if !ok || !json.Has(p, end, `}}`) {
			return false
		}
		b.IntAttribute(number, key, v)
	case json.Has(p, i, `doubleValue":`):
		i += len(`doubleValue":`)
		if end, _ = json.NumberAt(p, i); !json.Has(p, end, `}}`) {
			return false
		}
		v, err := strconv.ParseFloat(string(p[i:end]), 64)
		if err != nil {
			return false
		}
		b.DoubleAttribute(number, key, math.Float64bits(v))
	case json.Has(p, i, `boolValue":true}}`):
		end = i + len(`boolValue":true`)
		b.BoolAttribute(number, key, true)
	case json.Has(p, i, `boolValue":false}}`):
		end = i + len(`boolValue":false`)
		b.BoolAttribute(number, key, false)
	default:
		return false
	}
	r.Advance(end + len(`}}`))
	return true
}

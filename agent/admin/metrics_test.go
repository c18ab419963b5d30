package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/version"
)

// series is a parsed exposition: name{labels} → value.
type series map[string]float64

var (
	sampleLine = regexp.MustCompile(`^([a-z_]+)(\{[^ ]*\})? ([0-9.e+-]+)$`)
	labelPair  = regexp.MustCompile(`^([a-z_]+)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)`)
)

// parse reads the text format and holds it to the rules of its specification
// and of prometheus.io/docs/practices/naming.
func parse(t *testing.T, text []byte) series {
	t.Helper()
	all := series{}
	var name, help, kind string
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			help, _, _ = strings.Cut(rest, " ")
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ = strings.Cut(rest, " ")
			if name != help || seen[name] {
				t.Errorf("%s: HELP and TYPE must stand once, before the samples", name)
			}
			seen[name] = true
			if (kind == "counter") != strings.HasSuffix(name, "_total") {
				t.Errorf("%s is a %s: counters end in _total and nothing else does", name, kind)
			}
			if !strings.HasPrefix(name, "wayside_agent_") && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
				t.Errorf("%s: whose metric is it?", name)
			}
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil || m[1] != name {
			t.Fatalf("line %q after TYPE of %s", line, name)
		}
		for rest := strings.Trim(m[2], "{}"); rest != ""; {
			l := labelPair.FindString(rest)
			if l == "" {
				t.Fatalf("labels of %q", line)
			}
			rest = rest[len(l):]
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := all[m[1]+m[2]]; twice {
			t.Errorf("%s is there twice", m[1]+m[2])
		}
		all[m[1]+m[2]] = v
	}
	return all
}

// distinct fills every number and time below v with a value of its own.
func distinct(v reflect.Value, next *int) {
	*next++
	switch v.Kind() {
	case reflect.Uint64:
		v.SetUint(uint64(*next))
	case reflect.Int:
		v.SetInt(int64(*next))
	case reflect.Float64:
		v.SetFloat(float64(*next))
	case reflect.Array, reflect.Slice:
		for i := range v.Len() {
			distinct(v.Index(i), next)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		distinct(v.Elem(), next)
	case reflect.Struct:
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			*t = time.Unix(int64(*next), 0).UTC()
			return
		}
		for _, field := range v.Fields() {
			distinct(field, next)
		}
	}
}

// numbers are the numbers and times of a JSON value, by path.
func numbers(path string, v any, to map[string]float64) {
	switch v := v.(type) {
	case float64:
		to[path] = v
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			to[path] = float64(t.Unix())
		}
	case []any:
		for i, e := range v {
			numbers(fmt.Sprintf("%s[%d]", path, i), e, to)
		}
	case map[string]any:
		for k, e := range v {
			numbers(path+"."+k, e, to)
		}
	}
}

// A figure that is added to the status and forgotten here is found by this test.
func TestMetricsTellEveryFigureOfTheStatus(t *testing.T) {
	st := ledger.Status{
		Lanes:   []ledger.Lane{{Endpoints: make([]ledger.Endpoint, 2)}, {Endpoints: make([]ledger.Endpoint, 1)}},
		Sockets: make([]ledger.Socket, 2),
	}
	next := 1000
	distinct(reflect.ValueOf(&st).Elem(), &next)
	st.Lanes[0].Name, st.Lanes[1].Name = "default", `te"am\b`+"\n"
	st.Lanes[0].Endpoints[0].Address, st.Lanes[0].Endpoints[1].Address = "a:1", "b:1"
	st.Sockets[1].Address = "x"

	b, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	numbers("", tree, want)
	if len(want) < 80 {
		t.Fatalf("%d figures in the JSON, this test looks at nothing", len(want))
	}
	got := parse(t, appendMetrics(nil, st, version.Info{}, process{}))
	values := slices.Collect(maps.Values(got))
	for path, v := range want {
		if !slices.Contains(values, v) {
			t.Errorf("no metric has the %v of %s", v, path)
		}
	}
	for name, v := range map[string]float64{
		`wayside_agent_spans_accepted_total{lane="default"}`:                                     float64(st.Lanes[0].Accepted),
		`wayside_agent_spans_delivered_total{lane="default"}`:                                    float64(st.Lanes[0].Delivered),
		`wayside_agent_spans_buffered{lane="te\"am\\b\n"}`:                                       float64(st.Lanes[1].Buffered),
		`wayside_agent_spans_dropped_total{lane="default",reason="expired"}`:                     float64(st.Lanes[0].Dropped[ledger.Expired]),
		`wayside_agent_requests_refused_total{lane="default",reason="too_big"}`:                  float64(st.Lanes[0].Refused[ledger.RequestTooBig]),
		`wayside_agent_endpoint_failures_total{lane="default",endpoint="b:1"}`:                   float64(st.Lanes[0].Endpoints[1].Failures),
		`wayside_agent_client_reported_dropped_spans_total{lane="default",cause="send_failure"}`: float64(st.Lanes[0].ClientReported.SendFailure),
	} {
		if got[name] != v {
			t.Errorf("%s = %v, want %v", name, got[name], v)
		}
	}
}

func TestLargeCountersStayWhole(t *testing.T) {
	var st ledger.Status
	st.SoftnetDrops = 12_345_678_901
	if b := appendMetrics(nil, st, version.Info{}, process{}); !bytes.Contains(b, []byte("\nwayside_agent_softnet_dropped_packets_total 12345678901\n")) {
		t.Error("a counter is rounded or has an exponent")
	}
}

func TestProcessIsRead(t *testing.T) {
	p := readProcess()
	if p.goroutines == 0 || p.mapped == 0 || p.cpu == 0 {
		t.Errorf("%+v", p)
	}
	if got := kilobytes([]byte("VmPeak:\t  99 kB\nVmRSS:\t    7204 kB\nRssAnon:\t 1 kB\n"), "VmRSS:"); got != 7204<<10 {
		t.Errorf("VmRSS is %d", got)
	}
}

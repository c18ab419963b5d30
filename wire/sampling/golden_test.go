package sampling

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var byOperation = &Strategy{
	Probabilistic: &Probabilistic{0.5},
	ByOperation: &ByOperation{DefaultProbability: 0.5, Operations: []Operation{
		{"op", &Probabilistic{0.2}}, {"<a>&\u2028é", &Probabilistic{1e-7}},
	}},
}

// golden are what Jaeger 1.62.0 makes of the same strategies, by Marshal of its
// proto-gen/api_v2 and SamplingStrategyResponseToJSON of model/converter/json.
var golden = []struct {
	name         string
	strategy     *Strategy
	json, legacy string // legacy is what stands in place of the word for the type
	proto        string // hex
}{
	{
		"probabilistic", &Strategy{Probabilistic: &Probabilistic{0.001}},
		`{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.001}}`, "0",
		"120909fca9f1d24d62503f",
	},
	{
		"probability of 0", &Strategy{Probabilistic: &Probabilistic{0}},
		`{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0}}`, "0", "1200",
	},
	{
		"rate limiting", &Strategy{Type: TypeRateLimiting, RateLimiting: &RateLimiting{42}},
		`{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":42}}`, "1", "08011a02082a",
	},
	{
		"by operation", byOperation,
		`{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5},"operationSampling":{` +
			`"defaultSamplingProbability":0.5,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[` +
			`{"operation":"op","probabilisticSampling":{"samplingRate":0.2}},` +
			`{"operation":"\u003ca\u003e\u0026\u2028é","probabilisticSampling":{"samplingRate":1e-7}}],` +
			`"defaultUpperBoundTracesPerSecond":0}}`, "0",
		"120909000000000000e03f223209000000000000e03f1a0f0a026f701209099a9999999999c93f1a160a093c613e26e280a8c3a912090948afbc9af2d77a3e",
	},
	{
		"no operations", &Strategy{Type: TypeRateLimiting, RateLimiting: &RateLimiting{5}, ByOperation: &ByOperation{DefaultProbability: 0.001}},
		`{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":5},"operationSampling":{` +
			`"defaultSamplingProbability":0.001,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[],"defaultUpperBoundTracesPerSecond":0}}`, "1",
		"08011a020805220909fca9f1d24d62503f",
	},
	{
		"adaptive", &Strategy{ByOperation: &ByOperation{0.001, 0.0166, []Operation{{Name: "bare"}}, 3}},
		`{"strategyType":"PROBABILISTIC","operationSampling":{"defaultSamplingProbability":0.001,"defaultLowerBoundTracesPerSecond":0.0166,` +
			`"perOperationStrategies":[{"operation":"bare","probabilisticSampling":null}],"defaultUpperBoundTracesPerSecond":3}}`, "0",
		"222309fca9f1d24d62503f118f53742497ff903f1a060a0462617265210000000000000840",
	},
	{"another type", &Strategy{Type: 7}, `{"strategyType":7}`, "7", "0807"},
}

func TestJSON(t *testing.T) {
	for _, c := range golden {
		if got := string(c.strategy.JSON()); got != c.json {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.json)
		}
		word := `"PROBABILISTIC"`
		if c.legacy == "1" {
			word = `"RATE_LIMITING"`
		}
		if got, want := string(c.strategy.LegacyJSON()), strings.Replace(c.json, word, c.legacy, 1); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, want)
		}
	}
}

func TestProto(t *testing.T) {
	for _, c := range golden {
		got := c.strategy.AppendProto([]byte("x"))
		if h := hex.EncodeToString(got[1:]); got[0] != 'x' || h != c.proto {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, h, c.proto)
		}
	}
}

// What is written is read back, in each form.
func TestThereAndBack(t *testing.T) {
	for _, c := range golden {
		if got, err := ReadProto(c.strategy.AppendProto(nil)); err != nil || !reflect.DeepEqual(got, c.strategy) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
		for _, text := range [][]byte{c.strategy.JSON(), c.strategy.LegacyJSON()} {
			got, file, err := Parse(text)
			if err != nil || file != nil || !reflect.DeepEqual(got, c.strategy) {
				t.Errorf("%s: %v, %v, %v", c.name, got, file, err)
			}
		}
	}
	for _, name := range []string{"", "shop", "ü"} {
		if got, err := ReadRequest(AppendRequest(nil, name)); err != nil || got != name {
			t.Errorf("%q becomes %q, %v", name, got, err)
		}
	}
}

// testdata/agent has strategies files and, for services of them, what the Jaeger
// Agent 1.62.0 answered with a collector of that version that had read them;
// test/interop/clients/endtoend/sampling_test.go makes them.
func TestJaegerAgentsAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/agent/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no strategies files: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		strategies, _, err := ParseStrategies(text)
		if err != nil {
			t.Fatal(err)
		}
		answers, err := os.ReadFile(strings.TrimSuffix(file, ".json") + ".answers")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range bytes.Lines(answers) {
			path, want, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), "\t")
			api, service, _ := strings.Cut(path, "?service=")
			s := strategies.For(service)
			got := s.JSON()
			if api == "/" {
				got = s.LegacyJSON()
			}
			if n++; string(got) != want {
				t.Errorf("%s: %s: got\n%s\nwant\n%s", file, path, got, want)
			}
		}
		if n == 0 {
			t.Errorf("%s: no answers", file)
		}
	}
}

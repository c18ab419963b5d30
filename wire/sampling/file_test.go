package sampling

import (
	"reflect"
	"strings"
	"testing"
)

func TestWarningsOfAFile(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"default_strategy": {"type": "const", "param": 1}}`, `the default strategy has type "const", and is given probability 0.001: write probabilistic or ratelimiting`},
		{`{"service_strategies": [{"service": "a", "type": "probabilistic", "param": 50}]}`, `service "a" has probability 50, which tracers refuse: write 0 to 1`},
		{`{"service_strategies": [{"service": "a", "type": "ratelimiting", "param": 0.5}]}`, `service "a" has 0.5 traces a second, of which tracers are told the whole number only`},
		{`{"service_strategies": [{"type": "probabilistic"}, {"service": "", "type": "ratelimiting"}]}`, `service "" is there twice: the last one counts`},
		{`{"service_strategy": []}`, `"service_strategy" has no meaning in a strategies file`},
		{`{"default_strategy": {"type": "probabilistic", "parameter": 1}}`, `"parameter" has no meaning in a strategy`},
		{`{"default_strategy": {"type": "probabilistic", "operation_strategies": [{"operation": "x", "type": "ratelimiting"}]}}`, `operation "x" of the default strategy is left out: an operation can only be probabilistic`},
		{`{"default_strategy": {"type": "probabilistic", "param": 1}}`, ``},
	} {
		_, warnings, err := ParseStrategies([]byte(c.text))
		if got := strings.Join(warnings, "\n"); err != nil || got != c.want {
			t.Errorf("%s: got\n%s, %v\nwant\n%s", c.text, got, err, c.want)
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for _, text := range []string{
		``, `"nonsense"`, `[]`, `{`, `{"default_strategy": []}`, `{"service_strategies": {}}`, `{"service_strategies": [1]}`,
		`{"default_strategy": {"type": 1}}`, `{"default_strategy": {"param": "much"}}`, `{"default_strategy": {"param": 1e999}}`,
		`{"default_strategy": {"param": "NaN"}}`, `{} {}`, "{\"service_strategies\": [{\"service\": \"\xff\"}]}",
		`{"x": ` + strings.Repeat(`[`, 1000) + strings.Repeat(`]`, 1000) + `}`,
	} {
		if s, _, err := ParseStrategies([]byte(text)); err == nil {
			t.Errorf("%.60q is taken: %+v", text, s)
		}
	}
}

// null is what Go's JSON takes for nothing, and Jaeger reads files with that.
func TestNullIsNothing(t *testing.T) {
	for _, text := range []string{
		`null`, `{"default_strategy": null, "service_strategies": null}`, `{"service_strategies": [null]}`,
	} {
		s, _, err := ParseStrategies([]byte(text))
		if err != nil || s.Services() != 0 || !reflect.DeepEqual(s.For("shop"), byDefault()) {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
	s, _, err := ParseStrategies([]byte(`{"default_strategy": {"type": "probabilistic", "param": null, "operation_strategies": [null]}}`))
	if err != nil || s.For("").Probabilistic.Rate != 0 || s.For("").ByOperation != nil {
		t.Errorf("%+v, %v", s.For(""), err)
	}
}

// What is merged for one service is nobody else's.
func TestMergingLeavesTheFileAsItIs(t *testing.T) {
	s, _, err := ParseStrategies([]byte(`{
		"default_strategy": {"type": "probabilistic", "param": 0.5, "operation_strategies": [
			{"operation": "a", "type": "probabilistic", "param": 0.1}, {"operation": "b", "type": "probabilistic", "param": 0.2}]},
		"service_strategies": [
			{"service": "one", "type": "probabilistic", "param": 0.7, "operation_strategies": [{"operation": "a", "type": "probabilistic", "param": 0.9}]},
			{"service": "two", "type": "probabilistic", "param": 0.8}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, service := range []string{"one", "two", "other"} {
		want[service] = string(s.For(service).JSON())
	}
	for range 2 {
		for service, w := range want {
			if got := string(s.For(service).JSON()); got != w {
				t.Errorf("%s becomes\n%s\nfrom\n%s", service, got, w)
			}
		}
	}
	if got := s.For("one").ByOperation; got.DefaultProbability != 0.7 || len(got.Operations) != 2 || got.Operations[0].Probabilistic.Rate != 0.9 {
		t.Errorf("%+v", got)
	}
	if got := s.For("two").ByOperation; got.DefaultProbability != 0.8 || len(got.Operations) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestWhatComesFromAURL(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `null`, `[]`, `{"other": 1}`, `{"strategyType": "LOUD"}`, `{"strategyType": 1.5}`,
		`{"strategyType": 0, "default_strategy": {}}`, `{"probabilisticSampling": 1}`, `{"operationSampling": {"perOperationStrategies": {}}}`,
		`{"probabilisticSampling": {"samplingRate": "NaN"}}`, `{"rateLimitingSampling": {"maxTracesPerSecond": 3000000000}}`,
	} {
		if s, f, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s is taken: %v, %v", text, s, f)
		}
	}
	if s, f, err := Parse([]byte(`{"default_strategy": {"type": "ratelimiting", "param": 3}}`)); err != nil || s != nil || f.For("x").RateLimiting.MaxTracesPerSecond != 3 {
		t.Errorf("%v, %v, %v", s, f, err)
	}
	// Thrift's JSON has null for what is not there.
	s, f, err := Parse([]byte(`{"new": {"x": [1]}, "strategyType": 0, "probabilisticSampling": {"samplingRate": 0.5}, "rateLimitingSampling": null, "operationSampling": null}`))
	if want := (&Strategy{Probabilistic: &Probabilistic{0.5}}); err != nil || f != nil || !reflect.DeepEqual(s, want) {
		t.Errorf("%v, %v, %v", s, f, err)
	}
}

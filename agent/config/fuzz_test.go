package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// Whatever a file holds, it is a configuration that loads again as itself, or
// an error of whole lines that name the file.
func FuzzLoad(f *testing.F) {
	for _, c := range wrongs {
		f.Add(c.yaml)
	}
	f.Add("accept: {jaeger: {compact: localhost:6831}}\ndeliver: {endpoint: ['${HOST}:1', 'b:2'], batch: {bytes: 100kB}}")
	f.Add("deliver:\n  endpoint: >-\n    a:1\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := loadText(text, endpoint("collector.example:9"))
		if err != nil {
			salvaged(t, Source{File: "a.yaml"}, machine(text))
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "a.yaml") && !strings.HasPrefix(line, "--endpoint: ") {
					t.Errorf("a line without a place: %q", line)
				}
			}
			return
		}
		for _, h := range c.Deliver.Headers {
			if h.Shown == hidden {
				return // what is shown of it is not the configuration
			}
		}
		var b bytes.Buffer
		_ = c.Effective().WriteYAML(&b)
		again, err := loadText(b.String())
		if err != nil {
			t.Fatalf("%v in\n%s", err, &b)
		}
		c.origin, again.origin, c.shown, again.shown = nil, nil, nil, nil
		if !reflect.DeepEqual(c, again) {
			t.Errorf("%+v\n%+v", c, again)
		}
	})
}

package jaegerflags

import (
	"errors"
	"testing"

	"github.com/wayside-tracing/wayside/agent/config"
)

// Whatever a file, a tag or a collector is: it is understood, or refused with a
// reason, and what it sets can be read as a configuration.
func FuzzTranslate(f *testing.F) {
	f.Add("reporter: {grpc: {host-port: 'c:14250'}}\nlog-level: warn", "a=b,c=${D:e},f=${G}", "dns:///c:14250")
	f.Add(`{"admin": {"http.host-port": 14271}, "processor": null}`, `q="\${x}`, "a,b:1,,[::1]")
	f.Add("agent.tags: *a", "=", "dns://")
	f.Fuzz(func(t *testing.T, file, tags, collector string) {
		_, r, err := translate(map[string]string{"config-file": "a.yaml", "agent.tags": tags, "reporter.grpc.host-port": collector}, map[string]string{"D": "${E}"}, map[string]string{"a.yaml": file})
		if err != nil {
			if all, ok := errors.AsType[config.Errors](err); !ok || len(all) == 0 {
				t.Errorf("%T %v", err, err)
			}
			return
		}
		cfg, err := config.Load(config.Source{Defaults: r.Defaults, Set: r.Set})
		if (cfg == nil) == (err == nil) {
			t.Error(cfg, err)
		}
	})
}

package render

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the files that are compared with")

// options are those of an operator.
var options = Options{Image: "wayside-agent:dev"}

func read(t testing.TB, name string) *v1alpha1.TraceAgent {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	ta := new(v1alpha1.TraceAgent)
	if err := yaml.UnmarshalStrict(text, ta); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return ta
}

// Each TraceAgent in testdata with everything that is made of it.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		ta := read(t, name)
		config, errs := Config(ta)
		if len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		var b bytes.Buffer
		write := func(what string, of any) {
			text, err := yaml.Marshal(of)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("--- # " + what + "\n")
			b.Write(text)
		}
		b.WriteString("# " + ConfigFile + "\n" + string(config))
		write("an app's environment", Environment(ta, "shop", "app"))
		if ta.Spec.Strategy == v1alpha1.Sidecar {
			write("container", Container(ta, options))
			write("volumes, as the cluster's default in another namespace", Volumes(ta, "other"))
		} else {
			write("DaemonSet", DaemonSet(ta, options))
			write("Service", Service(ta))
			write("ServiceAccount", ServiceAccount(ta))
		}
		write("ConfigMap", ConfigMap(ta, ta.Namespace, nil))
		golden := strings.TrimSuffix(name, ".yaml") + ".golden"
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != string(want) {
			t.Errorf("%s: not what %s has; see what git diff says after go test ./kube/render -update\n%s", name, golden, got)
		}
	}
}

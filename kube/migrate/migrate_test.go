package migrate

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

var rewrite = flag.Bool("rewrite", false, "write the scripts anew")

func read(t *testing.T, file string) *Inventory {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inv, err := Read(f, "default")
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// Each file in testdata is manifests; beside it is the script. What the script
// would do is done to the manifests, and looked at.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			inv := read(t, file)
			plan := NewPlan(inv)
			var got bytes.Buffer
			if err := plan.Write(&got); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".sh"
			if *rewrite {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
			check := exec.Command("sh", "-n")
			check.Stdin = &got
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("sh does not understand it: %v\n%s", err, out)
			}
			agents := tryTraceAgents(t, plan)
			tryPatches(t, inv, plan, agents)
		})
	}
}

// tryTraceAgents reads the TraceAgents of a plan strictly, and lets the agent's own
// package judge them. It returns their names.
func tryTraceAgents(t *testing.T, plan Plan) (names []string) {
	for _, s := range plan.Steps {
		if !strings.HasPrefix(s.Command, "kubectl apply") {
			continue
		}
		var ta v1alpha1.TraceAgent
		if err := yaml.UnmarshalStrict([]byte(s.Manifest), &ta); err != nil {
			t.Errorf("%s: %v", s.What, err)
		}
		names = append(names, ta.Namespace+"/"+ta.Name)
		if ta.Spec.Deliver.Endpoint == unknownEndpoint {
			if len(s.Lost) == 0 {
				t.Errorf("%s: nothing says that the collector is not known", s.What)
			}
			continue
		}
		if _, errs := render.Config(&ta); len(errs) > 0 {
			t.Errorf("%s: %v", s.What, errs)
		}
	}
	return names
}

// tryPatches does to the workloads what kubectl patch would do: the old is gone,
// what is the app's is as it was, and pods have the label of a TraceAgent.
func tryPatches(t *testing.T, inv *Inventory, plan Plan, agents []string) {
	schemas := map[string]any{"Deployment": appsv1.Deployment{}, "StatefulSet": appsv1.StatefulSet{}, "CronJob": batchv1.CronJob{}}
	for _, w := range inv.Workloads {
		i := slices.IndexFunc(plan.Steps, func(s Step) bool {
			return strings.HasPrefix(s.Command, "kubectl -n "+w.Namespace+" patch "+w.String()+" ")
		})
		if i < 0 {
			continue
		}
		patch, err := yaml.YAMLToJSON([]byte(plan.Steps[i].Manifest))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := json.Marshal(w)
		after, err := strategicpatch.StrategicMergePatch(before, patch, schemas[w.Kind])
		if err != nil {
			t.Errorf("%s: %v", w, err)
			continue
		}
		var done Workload
		if err := json.Unmarshal(after, &done); err != nil {
			t.Fatal(err)
		}
		if c := oldAgent(&done); c != nil {
			t.Errorf("%s: container %s is still there", w, c.Name)
		}
		if wants(done.Annotations[jaegerInject]) || done.Labels[jaegerInjected] != "" || wants(done.template().Annotations[otelInject]) {
			t.Errorf("%s: still asks for the old sidecar", w)
		}
		name := done.template().Labels[v1alpha1.LabelInject]
		if declined := name == v1alpha1.InjectFalse && w.Annotations[jaegerInject] == "false"; !declined && !slices.Contains(agents, w.Namespace+"/"+name) {
			t.Errorf("%s: its pods name TraceAgent %q, of %q", w, name, agents)
		}
		theApps := func(w *Workload) (list []corev1.Container) {
			old := oldAgent(w)
			for _, c := range w.template().Spec.Containers {
				if old == nil || c.Name != old.Name {
					list = append(list, c)
				}
			}
			return list
		}
		x, _ := json.Marshal(theApps(w))
		y, _ := json.Marshal(theApps(&done))
		if string(x) != string(y) {
			t.Errorf("%s: the app's containers were\n%s\nand are\n%s", w, x, y)
		}
		if again := NewPlan(&Inventory{Workloads: []*Workload{&done}}); len(again.Steps) != 0 {
			t.Errorf("%s: after it, there is still something to do: %q", w, again.Found)
		}
	}
}

func TestImageName(t *testing.T) {
	for image, want := range map[string]string{
		"jaegertracing/jaeger-agent:1.62.0":                   "jaeger-agent",
		"registry:5000/a/b/jaeger-agent":                      "jaeger-agent",
		"quay.io/x/jaeger-agent@sha256:00":                    "jaeger-agent",
		"quay.io/x/jaeger-agent:1@sha256:00":                  "jaeger-agent",
		"jaegertracing/all-in-one:1.62.0":                     "all-in-one",
		"registry.example.org:5000/jaeger-agent-operator:1.0": "jaeger-agent-operator",
	} {
		if got := imageName(image); got != want {
			t.Errorf("%s: got %s, want %s", image, got, want)
		}
	}
}

// A file of manifests may come from anywhere: what is in it must not become a
// command.
func TestScriptOfHostileNames(t *testing.T) {
	const evil = "x'; touch OWNED; '\n touch OWNED2 #"
	manifest, _ := json.Marshal(map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": evil, "namespace": evil, "annotations": map[string]string{jaegerInject: "x\ntouch OWNED3"}},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{
			map[string]any{"name": agentName, "image": "jaeger-agent:\ntouch OWNED4", "args": []string{"--agent.tags=a=b\nEOF\ntouch OWNED5", "--reporter.grpc.host-port=c:1"}},
		}}}},
	})
	inv, err := Read(bytes.NewReader(manifest), "default")
	if err != nil {
		t.Fatal(err)
	}
	var script bytes.Buffer
	if err := NewPlan(inv).Write(&script); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	kubectl := "#!/bin/sh\ncat > /dev/null\n"
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(kubectl), 0o755); err != nil {
		t.Fatal(err)
	}
	text := script.String()
	sh := exec.Command("sh", "-eu")
	sh.Dir, sh.Stdin = dir, &script
	sh.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	if out, err := sh.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, text)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 1 {
		t.Errorf("the script did something of its own: %v\n%s", left, text)
	}
}

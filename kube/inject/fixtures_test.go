package inject

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4" // the API server's
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

var update = flag.Bool("update", false, "write the files that are compared with")

// A fixture is a file in testdata: Options, a Namespace, TraceAgents, LimitRanges
// and a Pod.
func fixture(t testing.TB, name string) (Request, []byte) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r := Request{Options: Options{
		Options:             render.Options{Image: "wayside-agent:dev"},
		DaemonSetNamespaces: []string{"wayside-system"},
		NativeSidecars:      true,
	}}
	var raw []byte
	for doc := range bytes.SplitSeq(text, []byte("---\n")) {
		var kind struct{ Kind string }
		read := func(into any) {
			if err := yaml.UnmarshalStrict(doc, into); err != nil {
				t.Fatalf("%s: %s: %v", name, kind.Kind, err)
			}
		}
		if err := yaml.Unmarshal(doc, &kind); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch kind.Kind {
		case "Options":
			var o struct {
				Kind           string
				Default        string
				NativeSidecars *bool
			}
			read(&o)
			if o.NativeSidecars != nil {
				r.Options.NativeSidecars = *o.NativeSidecars
			}
			r.Options.Default.Namespace, r.Options.Default.Name, _ = strings.Cut(o.Default, "/")
		case "Namespace":
			var ns corev1.Namespace
			read(&ns)
			r.Namespace, r.NamespaceLabels = ns.Name, ns.Labels
		case "TraceAgent":
			ta := new(v1alpha1.TraceAgent)
			read(ta)
			r.Agents = append(r.Agents, ta)
		case "LimitRange":
			l := new(corev1.LimitRange)
			read(l)
			r.LimitRanges = append(r.LimitRanges, l)
		case "Pod":
			r.Pod = new(corev1.Pod)
			read(r.Pod)
			if raw, err = yaml.YAMLToJSON(doc); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("%s: kind %q", name, kind.Kind)
		}
	}
	return r, raw
}

func fixtures(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(names) < 40 {
		t.Fatal(names, err)
	}
	return names
}

// apply applies a patch as the API server does.
func apply(t testing.TB, raw []byte, ops []Operation) []byte {
	t.Helper()
	if len(ops) == 0 {
		return raw
	}
	text, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(text)
	if err != nil {
		t.Fatal(err)
	}
	after, err := patch.Apply(raw)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return after
}

// Each fixture with what was decided.
func TestFixtures(t *testing.T) {
	for _, name := range fixtures(t) {
		r, raw := fixture(t, name)
		d := Decide(r)
		var b strings.Builder
		agent := ""
		if d.Agent != nil {
			agent = d.Agent.Namespace + "/" + d.Agent.Name
		}
		fmt.Fprintf(&b, "code: %s\nreason: %s\ninject: %v\nasked: %v\nagent: %s\nrevision: %s\n", d.Code, d.Reason, d.Inject, d.Asked, agent, d.Revision)
		for _, n := range d.Notes {
			fmt.Fprintf(&b, "note: %s\n", n)
		}
		for _, op := range d.Patch {
			text, err := yaml.Marshal(op)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "---\n%s", text)
		}
		golden := strings.TrimSuffix(name, ".yaml") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if want, err := os.ReadFile(golden); err != nil || b.String() != string(want) {
			t.Errorf("%s: %v: not what %s has; see what git diff says after go test ./kube/inject -update\n%s", name, err, golden, b.String())
		}
		holds(t, name, r, raw)
	}
}

// holds checks what holds of every decision.
func holds(t testing.TB, name string, r Request, raw []byte) {
	t.Helper()
	d := Decide(r)

	// A decision is a function: of the same, and in whatever order.
	again := r
	again.Agents = slices.Clone(r.Agents)
	slices.Reverse(again.Agents)
	if got := Decide(again); asJSON(t, got) != asJSON(t, d) {
		t.Errorf("%s: two decisions:\n%s\n%s", name, asJSON(t, d), asJSON(t, got))
	}

	after := apply(t, raw, d.Patch)
	var was, is any
	if json.Unmarshal(raw, &was) != nil || json.Unmarshal(after, &is) != nil {
		t.Fatalf("%s: %s", name, after)
	}
	kept(t, name, "", was, is)

	next := r
	next.Pod = new(corev1.Pod)
	if err := json.Unmarshal(after, next.Pod); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	second := Decide(next)
	if len(second.Patch) > 0 {
		t.Errorf("%s: patched again: %s", name, asJSON(t, second.Patch))
	}
	if second.Inject != d.Inject || second.Agent != d.Agent || second.Revision != d.Revision {
		t.Errorf("%s: decided otherwise of what was decided: %s", name, asJSON(t, second))
	}
	if !d.Inject {
		for _, op := range d.Patch {
			if !strings.HasPrefix(op.Path, "/metadata/annotations") {
				t.Errorf("%s: not injected and yet %s", name, op.Path)
			}
		}
		return
	}
	if c := Choose(&r.Pod.ObjectMeta, r); !c.Inject || c.Agent != d.Agent || c.Reason != d.Reason {
		t.Errorf("%s: Choose says %s", name, asJSON(t, c))
	}
	if second.Code != AlreadyInjected {
		t.Errorf("%s: %s the second time", name, second.Code)
	}
	if injected(next.Pod) == v1alpha1.Sidecar {
		sidecarHolds(t, name, next.Pod)
		if injected(r.Pod) == "" {
			resourcesHold(t, name, r.Pod, next.Pod)
		}
	}
}

// kept checks that everything of was is in is, lists in their order.
func kept(t testing.TB, name, path string, was, is any) {
	t.Helper()
	switch was := was.(type) {
	case map[string]any:
		is, ok := is.(map[string]any)
		for k, v := range was {
			if _, there := is[k]; !ok || !there {
				t.Errorf("%s: %s/%s is gone", name, path, k)
				continue
			}
			kept(t, name, path+"/"+k, v, is[k])
		}
	case []any:
		is, _ := is.([]any)
		// Elements with a name are found by it; the others are first.
		order := -1
		for i, v := range was {
			at := i
			if n, ok := nameOf(v); ok {
				at = slices.IndexFunc(is, func(o any) bool { m, _ := nameOf(o); return m == n })
				if n == render.ContainerName {
					kept(t, name, path+"/"+n, v, is[at]) // which alone may move
					continue
				}
			}
			if at < 0 || at >= len(is) || at <= order {
				t.Errorf("%s: %s/%d is gone, or elsewhere", name, path, i)
				return
			}
			order = at
			kept(t, name, fmt.Sprintf("%s/%d", path, i), v, is[at])
		}
	default:
		// An annotation that says why not may be new.
		if was != is && path != "/metadata/annotations/"+v1alpha1.AnnotationReason &&
			path != "/metadata/annotations/"+v1alpha1.AnnotationAgent && path != "/metadata/annotations/"+v1alpha1.AnnotationRevision &&
			path != "/metadata/labels/"+v1alpha1.LabelInjected {
			t.Errorf("%s: %s was %v and is %v", name, path, was, is)
		}
	}
}

func nameOf(v any) (string, bool) {
	m, _ := v.(map[string]any)
	n, ok := m["name"].(string)
	return n, ok
}

// sidecarHolds checks what holds of every pod with an agent.
func sidecarHolds(t testing.TB, name string, pod *corev1.Pod) {
	t.Helper()
	agents, at := 0, 0
	for i := range pod.Spec.InitContainers {
		if pod.Spec.InitContainers[i].Name == render.ContainerName {
			agents++
			at = i
		}
	}
	if agents != 1 {
		t.Errorf("%s: %d agents", name, agents)
		return
	}
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; ofMesh(c) && i > at {
			t.Errorf("%s: %s comes after the agent", name, c.Name)
		}
	}
	c := &pod.Spec.InitContainers[at]
	for _, m := range c.VolumeMounts {
		if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("%s: no volume %s", name, m.Name)
		}
	}
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		if slices.ContainsFunc(pod.Spec.Volumes[:i], func(o corev1.Volume) bool { return o.Name == v.Name }) {
			t.Errorf("%s: two volumes %s", name, v.Name)
		}
	}
	for _, c := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
		for i, e := range c.Env {
			if slices.ContainsFunc(c.Env[:i], func(o corev1.EnvVar) bool { return o.Name == e.Name }) {
				t.Errorf("%s: container %s has %s twice", name, c.Name, e.Name)
			}
		}
	}
}

// resourcesHold checks what an agent does to a pod's resources.
func resourcesHold(t testing.TB, name string, before, after *corev1.Pod) {
	t.Helper()
	if before.Spec.Resources == nil && guaranteed(before) != guaranteed(after) {
		t.Errorf("%s: another quality of service", name)
	}
	c := after.Spec.InitContainers[slices.IndexFunc(after.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == render.ContainerName })]
	for _, n := range measured {
		request, asked := c.Resources.Requests[n]
		limit, limited := c.Resources.Limits[n]
		if request.Cmp(limit) > 0 || before.Spec.Resources == nil && (!asked || !limited || request.Sign() <= 0) {
			t.Errorf("%s: %s: request %s, limit %s", name, n, request.String(), limit.String())
		}
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

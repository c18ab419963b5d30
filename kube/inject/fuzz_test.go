package inject

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// choices makes a request out of bytes: each decides one thing. When there are no
// more, everything is as usual.
type choices struct{ left []byte }

func (c *choices) of(n int) int {
	if len(c.left) == 0 {
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return int(b) % n
}

func one[T any](c *choices, list ...T) T { return list[c.of(len(list))] }

// some are some of a list, in its order.
func some[T any](c *choices, list ...T) (out []T) {
	for _, v := range list {
		if c.of(4) == 1 {
			out = append(out, v)
		}
	}
	return out
}

func labelsOf(c *choices) map[string]string {
	var m map[string]string
	add := func(key string, values ...string) {
		if v := one(c, values...); v != "" {
			if m == nil {
				m = map[string]string{}
			}
			m[key] = v
		}
	}
	add(v1alpha1.LabelInject, "", "true", "false", "default", "other", "no such")
	add("app", "", "web", "db")
	add(v1alpha1.LabelInjected, "", "", "sidecar", "daemonset")
	return m
}

func (c *choices) container(name string) corev1.Container {
	k := corev1.Container{Name: name, Image: one(c, "shop:1", "a.example:1/b/jaeger-agent:1@sha256:0", "otel:1")}
	for _, e := range some(c, render.Environment(c.agent(), "shop", name)...) {
		if c.of(2) == 1 && e.Value != "" {
			e.Value = "mine"
		}
		k.Env = append(k.Env, e)
	}
	for _, n := range some(c, "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "JAEGER_ENDPOINT", "A") {
		k.Env = append(k.Env, corev1.EnvVar{Name: n, Value: "a"})
	}
	if c.of(8) == 1 {
		k.EnvFrom = []corev1.EnvFromSource{{Prefix: "a"}}
	}
	k.Ports = some(c, corev1.ContainerPort{ContainerPort: 80}, corev1.ContainerPort{ContainerPort: one[int32](c, 4317, 6831, 14271), Protocol: one(c, corev1.ProtocolTCP, corev1.ProtocolUDP, "")})
	amount := func(list ...string) (l corev1.ResourceList) {
		for _, n := range measured {
			if q := one(c, list...); q != "" {
				if l == nil {
					l = corev1.ResourceList{}
				}
				l[n] = resource.MustParse(q)
			}
		}
		return l
	}
	k.Resources.Limits = amount("", "1", "100M", "0")
	k.Resources.Requests = amount("", "1", "1M")
	return k
}

func (c *choices) pod() *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: labelsOf(c)}}
	for _, a := range some(c, "a", safeToEvict, corev1.MirrorPodAnnotationKey, v1alpha1.AnnotationReason) {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, a, "b")
	}
	if c.of(4) == 1 {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationAgent, one(c, "shop/default", "wayside-system/node", "?"))
	}
	s := &p.Spec
	for _, n := range some(c, "istio-init", "migrate", "wayside-agent", "istio-proxy", "linkerd-proxy", "last") {
		k := c.container(n)
		if c.of(2) == 1 || n == "wayside-agent" {
			k.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
		s.InitContainers = append(s.InitContainers, k)
	}
	for _, n := range append([]string{"app"}, some(c, "kuma-sidecar", "beside", "otc-container", "jaeger-agent")...) {
		s.Containers = append(s.Containers, c.container(n))
	}
	for _, n := range some(c, "data", render.ConfigVolume, render.NothingVolume, render.BufferVolume) {
		s.Volumes = append(s.Volumes, corev1.Volume{Name: n})
	}
	for _, n := range some(c, "registry", "mine") {
		s.ImagePullSecrets = append(s.ImagePullSecrets, corev1.LocalObjectReference{Name: n})
	}
	if c.of(4) == 1 {
		s.SecurityContext = &corev1.PodSecurityContext{RunAsUser: one(c, nil, new(int64(0)), new(int64(1000)))}
	}
	s.HostNetwork = c.of(16) == 1
	s.TerminationGracePeriodSeconds = one(c, nil, new(int64(0)), new(int64(30)))
	if c.of(8) == 1 {
		s.NodeSelector = one(c, map[string]string{corev1.LabelOSStable: "windows"}, map[string]string{corev1.LabelArchStable: "s390x"})
	}
	if c.of(16) == 1 {
		s.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}}
	}
	return p
}

func (c *choices) agent() *v1alpha1.TraceAgent {
	ta := new(v1alpha1.TraceAgent)
	ta.Name, ta.Namespace = one(c, "default", "other", "node"), one(c, "shop", "wayside-system")
	ta.Spec.Strategy = one(c, v1alpha1.Sidecar, v1alpha1.DaemonSet)
	ta.Spec.Deliver.Endpoint = one(c, "collector:4317", "collector:4317", "wrong")
	selector := func() *metav1.LabelSelector {
		return one(c, nil, nil, &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, new(metav1.LabelSelector),
			&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "wrong"}}})
	}
	ta.Spec.Selector, ta.Spec.NamespaceSelector = selector(), selector()
	if c.of(4) == 1 {
		ta.Spec.Accept = &v1alpha1.Accept{OTLP: &v1alpha1.AcceptOTLP{HTTP: one(c, nil, new(int32(0)), new(int32(1)))}}
	}
	if c.of(4) == 1 {
		ta.Spec.Buffer = &v1alpha1.Buffer{Disk: new(v1alpha1.Disk)}
	}
	if c.of(4) == 1 {
		ta.Spec.DaemonSet = &v1alpha1.DaemonSetOptions{HostPort: c.of(2) == 1}
	}
	for _, n := range some(c, "registry", "other") {
		ta.Spec.ImagePullSecrets = append(ta.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: n})
	}
	if c.of(4) == 1 {
		ta.Spec.Resources = one(c, &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("8Mi")}},
			&corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}})
	}
	return ta
}

func (c *choices) request() Request {
	r := Request{Namespace: one(c, "shop", "wayside-system"), NamespaceLabels: labelsOf(c), Pod: c.pod()}
	there := map[string]bool{}
	for range 1 + c.of(3) {
		if ta := c.agent(); !there[name(ta)] {
			there[name(ta)] = true
			r.Agents = append(r.Agents, ta)
		}
	}
	if c.of(4) == 1 {
		l := corev1.LimitRangeItem{Type: one(c, corev1.LimitTypeContainer, corev1.LimitTypePod)}
		of := func() corev1.ResourceList {
			return one(c, nil, corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("32Mi")}, corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("15m")})
		}
		l.Min, l.Max, l.MaxLimitRequestRatio = of(), of(), one(c, nil, corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("3")})
		r.LimitRanges = []*corev1.LimitRange{{ObjectMeta: metav1.ObjectMeta{Name: "limits"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{l}}}}
	}
	r.Options = Options{
		Options:             render.Options{Image: one(c, "wayside-agent:dev", "")},
		Default:             one(c, types.NamespacedName{}, types.NamespacedName{Namespace: "wayside-system", Name: "default"}),
		DaemonSetNamespaces: one(c, []string{"wayside-system"}, nil),
		NativeSidecars:      c.of(8) != 1,
	}
	return r
}

// What holds of every decision holds of those about pods that nobody wrote.
func FuzzDecide(f *testing.F) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 600)
		for i := range b {
			if r.IntN(3) == 0 || seed%2 == 0 {
				b[i] = byte(r.Uint32())
			}
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := (&choices{b}).request()
		raw, err := json.Marshal(r.Pod)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, "pod", r, raw)
		if t.Failed() {
			t.Logf("%s", asJSON(t, r))
		}
	})
}

// Pods come as JSON that may have more than this program knows.
func FuzzPod(f *testing.F) {
	for _, name := range fixtures(f) {
		_, raw := fixture(f, name)
		f.Add(raw)
	}
	r, _ := fixture(f, "testdata/disk.yaml")
	f.Fuzz(func(t *testing.T, raw []byte) {
		var any map[string]any
		r := r
		r.Pod = new(corev1.Pod)
		if json.Unmarshal(raw, &any) != nil || json.Unmarshal(raw, r.Pod) != nil || any["metadata"] == nil || any["spec"] == nil {
			return
		}
		before := r.Pod.DeepCopy()
		d := Decide(r)
		if asJSON(t, before) != asJSON(t, r.Pod) {
			t.Error("the pod was changed")
		}
		_ = d
	})
}

// The reasons are all seen by some fixture.
func TestEveryCodeHasAFixture(t *testing.T) {
	seen := map[Code]bool{}
	for _, name := range fixtures(t) {
		r, _ := fixture(t, name)
		seen[Decide(r).Code] = true
	}
	source, err := os.ReadFile("decision.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(source)) {
		if _, value, ok := strings.Cut(line, " Code = \""); ok {
			value, _, _ = strings.Cut(value, "\"")
			n++
			if !seen[Code(value)] {
				t.Errorf("no fixture is decided as %s", value)
			}
		}
	}
	if n < 15 {
		t.Errorf("%d codes found", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, name := range []string{"deployment", "daemonset"} {
		r, _ := fixture(b, "testdata/"+name+".yaml")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Decide(r)
			}
		})
	}
}

package reconcile

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/inject"
)

func traceAgent(namespace, name string, strategy v1alpha1.Strategy) *v1alpha1.TraceAgent {
	return &v1alpha1.TraceAgent{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name), Generation: 1},
		Spec:       v1alpha1.TraceAgentSpec{Strategy: strategy, Deliver: v1alpha1.Deliver{Endpoint: "collector:4317"}, Image: "wayside-agent:test"},
	}
}

func aPod(namespace, name string, change ...func(*metav1.PartialObjectMetadata)) metav1.PartialObjectMetadata {
	p := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name), Labels: map[string]string{}, Annotations: map[string]string{},
	}}
	for _, c := range change {
		c(&p)
	}
	return p
}

func has(agent, revision, strategy string) func(*metav1.PartialObjectMetadata) {
	return func(p *metav1.PartialObjectMetadata) {
		p.Labels[v1alpha1.LabelInjected] = strategy
		p.Annotations[v1alpha1.AnnotationAgent] = agent
		p.Annotations[v1alpha1.AnnotationRevision] = revision
	}
}

func refused(why string) func(*metav1.PartialObjectMetadata) {
	return func(p *metav1.PartialObjectMetadata) { p.Annotations[v1alpha1.AnnotationReason] = why }
}

func labelled(value string) func(*metav1.PartialObjectMetadata) {
	return func(p *metav1.PartialObjectMetadata) { p.Labels[v1alpha1.LabelInject] = value }
}

func surroundings(agents ...*v1alpha1.TraceAgent) Surroundings {
	return Surroundings{
		Agents:     agents,
		Namespaces: map[string]map[string]string{"shop": {}, "bank": {}, "kube-system": {}, "wayside-system": {}, "quiet": {v1alpha1.LabelInject: "false"}},
		Left:       []string{"kube-system", "wayside-system"},
		Options:    inject.Options{Default: types.NamespacedName{Namespace: "wayside-system", Name: "default"}, DaemonSetNamespaces: []string{"wayside-system"}, NativeSidecars: true},
		Revision:   func(ta *v1alpha1.TraceAgent) string { return "new" },
	}
}

func TestCount(t *testing.T) {
	team := traceAgent("shop", "team", v1alpha1.Sidecar)
	node := traceAgent("wayside-system", "node", v1alpha1.DaemonSet)
	leaving := func(p *metav1.PartialObjectMetadata) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }
	c := Count([]metav1.PartialObjectMetadata{
		aPod("shop", "good", has("shop/team", "new", "sidecar")),
		aPod("shop", "old", has("shop/team", "old", "sidecar")),
		aPod("shop", "late"),
		aPod("shop", "early"),
		aPod("shop", "clash", refused("a clash")),
		aPod("shop", "no", labelled("false")),
		aPod("shop", "leaving", leaving),
		aPod("shop", "switched", has("wayside-system/node", "new", "daemonset")), // before team was there
		aPod("bank", "good", has("wayside-system/node", "new", "daemonset")),
		aPod("bank", "wrong strategy", has("wayside-system/node", "new", "sidecar")),
		aPod("bank", "orphan", has("shop/deleted", "new", "sidecar")),
		aPod("quiet", "was", has("wayside-system/node", "new", "daemonset")), // before the label was there
		aPod("quiet", "never"),
		aPod("kube-system", "proxy"),
		aPod("gone", "with its namespace"),
	}, surroundings(team, node))

	for _, test := range []struct {
		ta         *v1alpha1.TraceAgent
		want       v1alpha1.PodCounts
		missed     []string
		namespaces []string
		toNodes    int32
	}{
		{team, v1alpha1.PodCounts{Injected: 1, Outdated: 1, Missed: 3, Refused: 1}, []string{"shop/early", "shop/late", "shop/switched"}, []string{"shop"}, 0},
		{node, v1alpha1.PodCounts{Injected: 1, Outdated: 3, Missed: 1}, []string{"bank/orphan"}, []string{"bank", "quiet", "shop"}, 3},
	} {
		got := c.Of[types.NamespacedName{Namespace: test.ta.Namespace, Name: test.ta.Name}]
		if got.PodCounts != test.want || !slices.Equal(got.MissedPods, test.missed) || !slices.Equal(got.Namespaces, test.namespaces) || got.ToNodes != test.toNodes {
			t.Errorf("%s: %+v, want %+v", test.ta.Name, got, test)
		}
	}
	var told []string
	for _, tr := range c.Troubles {
		told = append(told, tr.Namespace+"/"+tr.Name+" "+tr.Reason)
	}
	want := []string{"bank/orphan Missed", "shop/clash NotInjected", "shop/early Missed", "shop/late Missed", "shop/switched Missed"}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestAStatusNamesTheFirstOfManyMissedPods(t *testing.T) {
	var pods []metav1.PartialObjectMetadata
	for i := range 30 {
		pods = append(pods, aPod("shop", fmt.Sprintf("p%02d", 29-i)))
	}
	c := Count(pods, surroundings(traceAgent("shop", "team", v1alpha1.Sidecar)))
	got := c.Of[types.NamespacedName{Namespace: "shop", Name: "team"}]
	if want := []string{"shop/p00", "shop/p01", "shop/p02", "shop/p03", "shop/p04"}; got.Missed != 30 || !slices.Equal(got.MissedPods, want) {
		t.Errorf("%+v", got)
	}
	if _, _, message := completeness(got); message != "30 pods have no agent of this TraceAgent and should: shop/p00, shop/p01, shop/p02, shop/p03, shop/p04, …; restart them" {
		t.Error(message)
	}
}

func BenchmarkCount(b *testing.B) {
	s := surroundings(traceAgent("shop", "team", v1alpha1.Sidecar), traceAgent("wayside-system", "node", v1alpha1.DaemonSet))
	var pods []metav1.PartialObjectMetadata
	for i := range 5000 {
		if i%2 == 0 {
			pods = append(pods, aPod("shop", fmt.Sprint(i), has("shop/team", "new", "sidecar")))
		} else {
			pods = append(pods, aPod("bank", fmt.Sprint(i)))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		Count(pods, s)
	}
}

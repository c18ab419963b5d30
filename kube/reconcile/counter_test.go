package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/cluster"
	"github.com/wayside-tracing/wayside/kube/render"
)

type recorded []string

func (r *recorded) Eventf(regarding, _ runtime.Object, _, reason, _, note string, args ...any) {
	ref := regarding.(*corev1.ObjectReference)
	*r = append(*r, ref.Namespace+"/"+ref.Name+" "+reason+" "+fmt.Sprintf(note, args...))
}

func troubles(n int) (list []Trouble) {
	for i := range n {
		list = append(list, Trouble{Namespace: "shop", Name: fmt.Sprint("p", i), UID: types.UID(fmt.Sprint(i)), Reason: ReasonMissed, Note: "100 %"})
	}
	return list
}

// Every pod is told of its trouble once, in the end, and not all of them at once.
func TestEachPodIsToldOnce(t *testing.T) {
	var events recorded
	c := NewCounter(nil, nil, nil, &events, nil)
	list := troubles(eventsPerCount*2 + 5)
	for i := range 4 {
		c.tell(list)
		if want := min((i+1)*eventsPerCount, len(list)); len(events) != want {
			t.Fatalf("after %d counts %d pods were told, want %d", i+1, len(events), want)
		}
		marked := len(c.dirty) == 1
		if more := len(events) < len(list); marked != more {
			t.Errorf("after %d counts: another count is due: %v, want %v", i+1, marked, more)
		}
		for len(c.dirty) > 0 {
			<-c.dirty
		}
	}
	if events[0] != "shop/p0 Missed 100 %" {
		t.Error(events[0])
	}
	// Another trouble of the same pod.
	list[0].Reason = ReasonNotInjected
	c.tell(list)
	// One that went, and came again as another pod.
	c.tell(list[1:])
	c.tell(list)
	if got := len(events) - len(list); got != 2 {
		t.Errorf("%d events more, want 2", got)
	}
}

func TestMatters(t *testing.T) {
	pod := func(change func(*metav1.PartialObjectMetadata)) *metav1.PartialObjectMetadata {
		p := aPod("shop", "p")
		p.SetGroupVersionKind(cluster.PodKind)
		p.Labels["app"] = "web"
		if change != nil {
			change(&p)
		}
		return &p
	}
	for name, test := range map[string]struct {
		after any
		want  bool
	}{
		"nothing":    {pod(nil), false},
		"version":    {pod(func(p *metav1.PartialObjectMetadata) { p.ResourceVersion = "8" }), false},
		"ready":      {pod(func(p *metav1.PartialObjectMetadata) { p.Generation = 2 }), false}, // kubelets count it up, too
		"label":      {pod(func(p *metav1.PartialObjectMetadata) { p.Labels["app"] = "x" }), true},
		"annotation": {pod(func(p *metav1.PartialObjectMetadata) { p.Annotations[v1alpha1.AnnotationRevision] = "x" }), true},
		"leaving":    {pod(func(p *metav1.PartialObjectMetadata) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }), true},
	} {
		if got := matters(pod(nil), test.after); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	before, after := traceAgent("shop", "team", v1alpha1.Sidecar), traceAgent("shop", "team", v1alpha1.Sidecar)
	after.Status.Pods.Injected = 7
	if matters(before, after) {
		t.Error("a status of our own is no reason to count")
	}
	after.Generation++
	if !matters(before, after) {
		t.Error("another spec is")
	}
}

func TestRevisionIsThatOfTheSpec(t *testing.T) {
	c := NewCounter(nil, nil, nil, nil, nil)
	ta := traceAgent("shop", "team", v1alpha1.Sidecar)
	first := c.revision(ta, render.Options{})
	if first != render.Revision(ta, render.Options{}) {
		t.Error(first)
	}
	changed := ta.DeepCopy()
	changed.Spec.Image = "other:1"
	changed.Generation++
	if c.revision(changed, render.Options{}) == first {
		t.Error("a new spec has the old revision")
	}
	wrong := traceAgent("shop", "wrong", v1alpha1.Sidecar)
	wrong.Spec.Deliver.Endpoint = "no port"
	if got := c.revision(wrong, render.Options{}); got != "" {
		t.Errorf("a spec that can't be rendered has revision %s", got)
	}
	c.forget([]*v1alpha1.TraceAgent{ta})
	if len(c.renders) != 1 {
		t.Errorf("%d are remembered, want 1", len(c.renders))
	}
}

func TestNotesAreShortEnoughForEvents(t *testing.T) {
	if got := limited(strings.Repeat("x", 5000)); len(got) > 1024 {
		t.Errorf("%d bytes", len(got))
	}
}

package reconcile

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

func TestStatusOf(t *testing.T) {
	daemonSet := func(generation, observed int64, desired, ready, updated int32) *appsv1.DaemonSet {
		return &appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Generation: generation},
			Status:     appsv1.DaemonSetStatus{ObservedGeneration: observed, DesiredNumberScheduled: desired, NumberReady: ready, UpdatedNumberScheduled: updated},
		}
	}
	good := outcome{accepted: true, nativeSidecars: true, counted: true}
	with := func(change func(*outcome)) outcome {
		o := good
		change(&o)
		return o
	}
	for name, test := range map[string]struct {
		strategy                  v1alpha1.Strategy
		o                         outcome
		accepted, ready, complete string // reasons; with a + for True
	}{
		"sidecar":         {v1alpha1.Sidecar, good, "+Accepted", "+Injecting", "+AllPods"},
		"not counted yet": {v1alpha1.Sidecar, with(func(o *outcome) { o.counted = false }), "+Accepted", "+Injecting", ""},
		"old nodes":       {v1alpha1.Sidecar, with(func(o *outcome) { o.nativeSidecars = false }), "+Accepted", "NodesTooOld", "+AllPods"},
		"failure":         {v1alpha1.Sidecar, with(func(o *outcome) { o.failure = "forbidden" }), "+Accepted", "Failed", "+AllPods"},
		"not accepted":    {v1alpha1.Sidecar, with(func(o *outcome) { o.accepted, o.acceptedCode = false, "Invalid" }), "Invalid", "NotAccepted", "+AllPods"},
		"missed":          {v1alpha1.Sidecar, with(func(o *outcome) { o.tally.Missed, o.tally.Outdated = 1, 1 }), "+Accepted", "+Injecting", "PodsMissed"},
		"outdated":        {v1alpha1.Sidecar, with(func(o *outcome) { o.tally.Outdated = 1 }), "+Accepted", "+Injecting", "PodsOutdated"},
		"no daemonset":    {v1alpha1.DaemonSet, good, "+Accepted", "Creating", "+AllPods"},
		"new daemonset":   {v1alpha1.DaemonSet, with(func(o *outcome) { o.daemonSet = daemonSet(2, 1, 3, 3, 3) }), "+Accepted", "Creating", "+AllPods"},
		"no nodes":        {v1alpha1.DaemonSet, with(func(o *outcome) { o.daemonSet = daemonSet(1, 1, 0, 0, 0) }), "+Accepted", "NoNodes", "+AllPods"},
		"starting":        {v1alpha1.DaemonSet, with(func(o *outcome) { o.daemonSet = daemonSet(1, 1, 3, 2, 3) }), "+Accepted", "AgentsNotReady", "+AllPods"},
		"rolling":         {v1alpha1.DaemonSet, with(func(o *outcome) { o.daemonSet = daemonSet(1, 1, 3, 3, 2) }), "+Accepted", "RollingOut", "+AllPods"},
		"daemonset":       {v1alpha1.DaemonSet, with(func(o *outcome) { o.daemonSet = daemonSet(1, 1, 3, 3, 3) }), "+Accepted", "+AgentsReady", "+AllPods"},
	} {
		ta := traceAgent("shop", "team", test.strategy)
		ta.Generation = 7
		st := statusOf(ta, test.o)
		for kind, want := range map[string]string{
			v1alpha1.ConditionAccepted: test.accepted, v1alpha1.ConditionReady: test.ready, v1alpha1.ConditionComplete: test.complete,
		} {
			got := ""
			if c := meta.FindStatusCondition(st.Conditions, kind); c != nil {
				got = c.Reason
				if c.Status == metav1.ConditionTrue {
					got = "+" + got
				}
				if c.ObservedGeneration != 7 {
					t.Errorf("%s, %s: of generation %d", name, kind, c.ObservedGeneration)
				}
			}
			if got != want {
				t.Errorf("%s: %s is %q, want %q", name, kind, got, want)
			}
		}
		if (st.Nodes != nil) != (test.o.daemonSet != nil) || st.Pods != test.o.tally.PodCounts || st.ObservedGeneration != 7 {
			t.Errorf("%s: %+v", name, st)
		}
	}
}

func TestAConditionThatStaysKeepsItsTime(t *testing.T) {
	ta := traceAgent("shop", "team", v1alpha1.Sidecar)
	o := outcome{accepted: true, nativeSidecars: true}
	ta.Status = statusOf(ta, o)
	before := metav1.NewTime(time.Now().Add(-time.Hour))
	for i := range ta.Status.Conditions {
		ta.Status.Conditions[i].LastTransitionTime = before
	}
	o.nativeSidecars = false
	st := statusOf(ta, o)
	if c := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionAccepted); !c.LastTransitionTime.Equal(&before) {
		t.Errorf("%+v", c)
	}
	if c := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionReady); c.LastTransitionTime.Equal(&before) {
		t.Errorf("%+v", c)
	}
}

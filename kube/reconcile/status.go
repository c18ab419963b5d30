package reconcile

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// outcome is what a status tells of.
type outcome struct {
	accepted       bool
	acceptedCode   string
	acceptedWhy    string
	revision       string
	tally          Tally
	counted        bool              // whether the tally is of all pods
	daemonSet      *appsv1.DaemonSet // nil: none was seen
	nativeSidecars bool
	oldestVersion  string
	failure        string // of what had to be made; "" if it was
}

// statusOf writes a status; conditions that stay keep their time.
func statusOf(ta *v1alpha1.TraceAgent, o outcome) v1alpha1.TraceAgentStatus {
	st := *ta.Status.DeepCopy()
	st.ObservedGeneration = ta.Generation
	st.Revision = o.revision
	set := func(kind string, yes bool, reason, message string) {
		status := metav1.ConditionFalse
		if yes {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&st.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: ta.Generation,
		})
	}
	if o.accepted {
		set(v1alpha1.ConditionAccepted, true, "Accepted", "the operator acts on it")
	} else {
		set(v1alpha1.ConditionAccepted, false, o.acceptedCode, o.acceptedWhy)
	}
	st.Nodes = nil
	switch {
	case o.failure != "":
		set(v1alpha1.ConditionReady, false, "Failed", o.failure)
	case ta.Spec.Strategy == v1alpha1.DaemonSet && o.daemonSet != nil:
		d := o.daemonSet.Status
		st.Nodes = &v1alpha1.NodeCounts{Desired: d.DesiredNumberScheduled, Ready: d.NumberReady, Updated: d.UpdatedNumberScheduled}
		ready, reason, message := daemonSetReady(o.daemonSet)
		set(v1alpha1.ConditionReady, ready && o.accepted, reason, message)
	case !o.accepted:
		set(v1alpha1.ConditionReady, false, "NotAccepted", "see condition "+v1alpha1.ConditionAccepted)
	case ta.Spec.Strategy == v1alpha1.DaemonSet:
		set(v1alpha1.ConditionReady, false, "Creating", "its DaemonSet is being made")
	case !o.nativeSidecars:
		set(v1alpha1.ConditionReady, false, "NodesTooOld", "sidecars need Kubernetes 1.29 on the API server and on every node; the oldest is "+o.oldestVersion)
	default:
		set(v1alpha1.ConditionReady, true, "Injecting", "pods that are made now get an agent")
	}
	if o.counted {
		st.Pods = o.tally.PodCounts
		complete, reason, message := completeness(o.tally)
		set(v1alpha1.ConditionComplete, complete, reason, message)
	}
	return st
}

func daemonSetReady(d *appsv1.DaemonSet) (bool, string, string) {
	s := d.Status
	switch {
	case s.ObservedGeneration < d.Generation:
		return false, "Creating", "its DaemonSet has not been looked at yet"
	case s.DesiredNumberScheduled == 0:
		return false, "NoNodes", "no node is to have an agent: see its nodeSelector and tolerations, and nodes' taints"
	case s.NumberReady < s.DesiredNumberScheduled:
		return false, "AgentsNotReady", fmt.Sprintf("%d of %d nodes have a ready agent", s.NumberReady, s.DesiredNumberScheduled)
	case s.UpdatedNumberScheduled < s.DesiredNumberScheduled:
		return false, "RollingOut", fmt.Sprintf("%d of %d nodes have an agent of this spec", s.UpdatedNumberScheduled, s.DesiredNumberScheduled)
	}
	return true, "AgentsReady", fmt.Sprintf("%d nodes have a ready agent", s.NumberReady)
}

func completeness(t Tally) (bool, string, string) {
	switch {
	case t.Missed > 0:
		return false, "PodsMissed", fmt.Sprintf("%d pods have no agent of this TraceAgent and should: %s; restart them", t.Missed, first(t.MissedPods, t.Missed))
	case t.Outdated > 0:
		return false, "PodsOutdated", fmt.Sprintf("%d pods have what an earlier spec said; restart them", t.Outdated)
	}
	return true, "AllPods", "every pod has what it should"
}

func first(names []string, of int32) string {
	s := strings.Join(names, ", ")
	if int(of) > len(names) {
		s += ", …"
	}
	return s
}

package reconcile

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/cluster"
)

// timeout is how long one TraceAgent may take.
const timeout = 30 * time.Second

// Setup has a manager run the reconciler: for a TraceAgent that has changed, for
// those that it may be in a tie with, for what was made of it, and when its pods
// are other than before.
func (r *Reconciler) Setup(m manager.Manager, daemonSetNamespaces []string, changed <-chan event.GenericEvent) error {
	owned := func(_ context.Context, o client.Object) []reconcile.Request {
		if key, ok := ownerOfCopy(o.GetName()); ok {
			return []reconcile.Request{{NamespacedName: key}}
		}
		for _, ref := range o.GetOwnerReferences() {
			if ref.Kind == "TraceAgent" {
				return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: ref.Name}}}
			}
		}
		return nil
	}
	b := builder.ControllerManagedBy(m).
		Named("traceagent").
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, ReconciliationTimeout: timeout}).
		For(&v1alpha1.TraceAgent{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.TraceAgent{}, handler.EnqueueRequestsFromMapFunc(r.rivals), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(cluster.Metadata(cluster.ConfigMapKind), handler.EnqueueRequestsFromMapFunc(owned)).
		WatchesRawSource(source.Channel(changed, &handler.EnqueueRequestForObject{}))
	if len(daemonSetNamespaces) > 0 {
		b = b.Watches(&appsv1.DaemonSet{}, handler.EnqueueRequestsFromMapFunc(owned))
		for _, kind := range []schema.GroupVersionKind{cluster.ServiceKind, cluster.ServiceAccountKind} {
			b = b.WatchesMetadata(cluster.Metadata(kind), handler.EnqueueRequestsFromMapFunc(owned))
		}
	}
	return b.Complete(r)
}

// rivals are the TraceAgents that may be accepted, or not any more, now that one has
// changed: those of its namespace, and DaemonSets.
func (r *Reconciler) rivals(ctx context.Context, o client.Object) (list []reconcile.Request) {
	agents, err := r.agents(ctx)
	if err != nil {
		r.log.Error("TraceAgents could not be listed", "error", err)
	}
	for _, ta := range agents {
		if ta.UID != o.GetUID() && (ta.Namespace == o.GetNamespace() || ta.Spec.Strategy == v1alpha1.DaemonSet) {
			list = append(list, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(ta)})
		}
	}
	return list
}

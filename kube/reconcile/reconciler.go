package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/cluster"
	"github.com/wayside-tracing/wayside/kube/inject"
	"github.com/wayside-tracing/wayside/kube/render"
)

// FieldManager is whose fields are in what the operator applies.
const FieldManager = "wayside-operator"

// again is after how long a TraceAgent is looked at without any event.
const again = 10 * time.Minute

// Reconciler makes what TraceAgents ask for.
type Reconciler struct {
	client  client.Client
	options func() inject.Options
	tally   func(types.NamespacedName) (Tally, bool)
	oldest  func() string
	events  Recorder
	log     *slog.Logger

	mu      sync.Mutex
	applied map[objectKey]appliedAs
	wrote   map[types.UID]v1alpha1.TraceAgentStatus // which the caches may not have yet
}

type objectKey struct {
	kind schema.GroupVersionKind
	name types.NamespacedName
}

// appliedAs is what was applied, and what became of it.
type appliedAs struct {
	sum    [sha256.Size]byte
	became string // as fingerprint says
}

// NewReconciler makes one. The client reads from caches (cluster.CacheOptions);
// oldest is the oldest version of Kubernetes among nodes and API server.
func NewReconciler(c client.Client, options func() inject.Options, tally func(types.NamespacedName) (Tally, bool), oldest func() string, events Recorder, log *slog.Logger) *Reconciler {
	return &Reconciler{client: c, options: options, tally: tally, oldest: oldest, events: events, log: log, applied: map[objectKey]appliedAs{}, wrote: map[types.UID]v1alpha1.TraceAgentStatus{}}
}

// Reconcile looks at one TraceAgent.
func (r *Reconciler) Reconcile(ctx context.Context, q reconcile.Request) (reconcile.Result, error) {
	agents, err := r.agents(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	var ta *v1alpha1.TraceAgent
	for _, a := range agents {
		if a.Namespace == q.Namespace && a.Name == q.Name && a.DeletionTimestamp == nil {
			ta = a
		}
	}
	copies, err := r.copies(ctx, q.NamespacedName)
	if err != nil {
		return reconcile.Result{}, err
	}
	r.forget(agents)
	if ta == nil {
		return reconcile.Result{}, r.deleteCopies(ctx, q.NamespacedName, copies)
	}
	options := r.options()
	o := outcome{nativeSidecars: options.NativeSidecars, oldestVersion: r.oldest()}
	o.tally, o.counted = r.tally(q.NamespacedName)
	code, why, ok := inject.Accepted(ta, agents, options)
	o.accepted, o.acceptedCode, o.acceptedWhy = ok, string(code), why
	// Of those in a tie, pods can have one by its name.
	acted := ok || code == inject.Tie
	var failed error
	if acted {
		o.revision = render.Revision(ta, options.Options)
		failed = r.make(ctx, ta, o, copies, options)
	}
	if ta.Spec.Strategy == v1alpha1.DaemonSet {
		if o.daemonSet, err = r.daemonSet(ctx, ta, options); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		o.failure = failed.Error()
	}
	if err := r.writeStatus(ctx, ta, o); err != nil {
		return reconcile.Result{}, errors.Join(failed, err)
	}
	return reconcile.Result{RequeueAfter: again}, failed
}

// agents are all TraceAgents. They are the caches' own and come with the event that
// led here; a view of them might learn of it a moment later.
func (r *Reconciler) agents(ctx context.Context) ([]*v1alpha1.TraceAgent, error) {
	var l v1alpha1.TraceAgentList
	if err := r.client.List(ctx, &l); err != nil {
		return nil, err
	}
	list := make([]*v1alpha1.TraceAgent, len(l.Items))
	for i := range l.Items {
		list[i] = &l.Items[i]
	}
	return list, nil
}

// forget drops what was noted of TraceAgents that have gone.
func (r *Reconciler) forget(agents []*v1alpha1.TraceAgent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrote) <= len(agents) {
		return
	}
	maps.DeleteFunc(r.wrote, func(uid types.UID, _ v1alpha1.TraceAgentStatus) bool {
		return !slices.ContainsFunc(agents, func(ta *v1alpha1.TraceAgent) bool { return ta.UID == uid })
	})
	maps.DeleteFunc(r.applied, func(key objectKey, _ appliedAs) bool {
		return !slices.ContainsFunc(agents, func(ta *v1alpha1.TraceAgent) bool {
			owner, isCopy := ownerOfCopy(key.name.Name)
			if isCopy {
				return owner == client.ObjectKeyFromObject(ta)
			}
			return key.name == types.NamespacedName{Namespace: ta.Namespace, Name: render.Name(ta)}
		})
	})
}

// make applies what the TraceAgent is to have and deletes what it is not to have
// any more.
func (r *Reconciler) make(ctx context.Context, ta *v1alpha1.TraceAgent, o outcome, existing []string, options inject.Options) error {
	config, errs := render.Config(ta)
	if len(errs) > 0 {
		return errs.ToAggregate() // Accepted has looked before
	}
	isDefault := options.Default == client.ObjectKeyFromObject(ta)
	copies := copiesOf(ta, o.tally, isDefault, existing)
	list, err := objects(ta, config, copies, options.Options)
	if err != nil {
		return err
	}
	for _, obj := range list {
		err = errors.Join(err, r.apply(ctx, obj))
	}
	if o.counted {
		unused := slices.DeleteFunc(slices.Clone(existing), func(ns string) bool { return slices.Contains(copies, ns) })
		err = errors.Join(err, r.deleteCopies(ctx, client.ObjectKeyFromObject(ta), unused))
		if ta.Spec.Strategy != v1alpha1.DaemonSet && o.tally.ToNodes == 0 && slices.Contains(options.DaemonSetNamespaces, ta.Namespace) {
			err = errors.Join(err, r.deleteDaemonSet(ctx, ta))
		}
	}
	return err
}

// apply makes an object what it is to be, unless it is so already.
func (r *Reconciler) apply(ctx context.Context, obj *unstructured.Unstructured) error {
	b, err := json.Marshal(obj)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	key := objectKey{obj.GroupVersionKind(), client.ObjectKeyFromObject(obj)}
	is, err := r.cached(ctx, key)
	if err != nil {
		return err
	}
	r.mu.Lock()
	was, known := r.applied[key]
	r.mu.Unlock()
	if known && is != nil && was == (appliedAs{sum, fingerprint(is)}) {
		return nil
	}
	if err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(obj), client.FieldOwner(FieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("%s %s: %w", key.kind.Kind, key.name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.applied[key] = appliedAs{sum, fingerprint(obj)}
	return nil
}

// fingerprint changes when somebody has changed what we applied. A DaemonSet's
// version changes with its status, too, but its generation does not.
func fingerprint(o metav1.Object) string {
	if g := o.GetGeneration(); g != 0 {
		return "generation " + strconv.FormatInt(g, 10)
	}
	return o.GetResourceVersion()
}

// cached is what the caches have of an object; nil is nothing.
func (r *Reconciler) cached(ctx context.Context, key objectKey) (metav1.Object, error) {
	var obj client.Object = cluster.Metadata(key.kind)
	if key.kind == cluster.DaemonSetKind {
		obj = &appsv1.DaemonSet{}
	}
	err := r.client.Get(ctx, key.name, obj)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return obj, nil
}

func (r *Reconciler) daemonSet(ctx context.Context, ta *v1alpha1.TraceAgent, o inject.Options) (*appsv1.DaemonSet, error) {
	if !slices.Contains(o.DaemonSetNamespaces, ta.Namespace) {
		return nil, nil // none is watched there
	}
	d := &appsv1.DaemonSet{}
	err := r.client.Get(ctx, types.NamespacedName{Namespace: ta.Namespace, Name: render.Name(ta)}, d)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return d, err
}

// deleteDaemonSet deletes what strategy DaemonSet had made. Pods that were told to
// send there have gone.
func (r *Reconciler) deleteDaemonSet(ctx context.Context, ta *v1alpha1.TraceAgent) error {
	var err error
	for _, kind := range []schema.GroupVersionKind{cluster.DaemonSetKind, cluster.ServiceKind, cluster.ServiceAccountKind} {
		key := objectKey{kind, types.NamespacedName{Namespace: ta.Namespace, Name: render.Name(ta)}}
		is, e := r.cached(ctx, key)
		if e == nil && is != nil && metav1.IsControlledBy(is, ta) {
			e = r.delete(ctx, key)
		}
		err = errors.Join(err, e)
	}
	return err
}

// copies are the namespaces that have a copy of a TraceAgent's ConfigMap.
func (r *Reconciler) copies(ctx context.Context, of types.NamespacedName) ([]string, error) {
	list := cluster.MetadataList(cluster.ConfigMapKind)
	if err := r.client.List(ctx, list, client.MatchingLabels{v1alpha1.LabelAgent: of.Name}); err != nil {
		return nil, err
	}
	var namespaces []string
	for i := range list.Items {
		if owner, ok := ownerOfCopy(list.Items[i].Name); ok && owner == of {
			namespaces = append(namespaces, list.Items[i].Namespace)
		}
	}
	return namespaces, nil
}

func (r *Reconciler) deleteCopies(ctx context.Context, of types.NamespacedName, namespaces []string) error {
	var err error
	for _, ns := range namespaces {
		name := render.ConfigMapName(&v1alpha1.TraceAgent{ObjectMeta: metav1.ObjectMeta{Namespace: of.Namespace, Name: of.Name}}, ns)
		err = errors.Join(err, r.delete(ctx, objectKey{cluster.ConfigMapKind, types.NamespacedName{Namespace: ns, Name: name}}))
	}
	return err
}

func (r *Reconciler) delete(ctx context.Context, key objectKey) error {
	r.mu.Lock()
	delete(r.applied, key)
	r.mu.Unlock()
	m := cluster.Metadata(key.kind)
	m.Namespace, m.Name = key.name.Namespace, key.name.Name
	if err := r.client.Delete(ctx, m); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting %s %s: %w", key.kind.Kind, key.name, err)
	}
	r.log.Info("deleted what is not needed any more", "kind", key.kind.Kind, "namespace", key.name.Namespace, "name", key.name.Name)
	return nil
}

// writeStatus writes what has changed, and events about it.
func (r *Reconciler) writeStatus(ctx context.Context, ta *v1alpha1.TraceAgent, o outcome) error {
	after := statusOf(ta, o)
	if equality.Semantic.DeepEqual(ta.Status, after) {
		return nil
	}
	b, err := json.Marshal(after)
	if err != nil {
		return err
	}
	status := map[string]any{}
	if err := json.Unmarshal(b, &status); err != nil {
		return err
	}
	err = r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(),
		"kind":       "TraceAgent",
		"metadata":   map[string]any{"namespace": ta.Namespace, "name": ta.Name},
		"status":     status,
	}}), client.FieldOwner(FieldManager), client.ForceOwnership)
	if apierrors.IsNotFound(err) {
		return nil // it has been deleted
	}
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	r.mu.Lock()
	before, known := r.wrote[ta.UID]
	r.wrote[ta.UID] = after
	r.mu.Unlock()
	if !known {
		before = ta.Status
	}
	r.tell(ta, before, after)
	return nil
}

// tell writes events about conditions that have turned.
func (r *Reconciler) tell(ta *v1alpha1.TraceAgent, before, after v1alpha1.TraceAgentStatus) {
	for _, c := range after.Conditions {
		was := meta.FindStatusCondition(before.Conditions, c.Type)
		missed := c.Reason == "PodsMissed" && after.Pods.Missed > before.Pods.Missed
		if was != nil && was.Status == c.Status && was.Reason == c.Reason && !missed {
			continue
		}
		kind := corev1.EventTypeNormal
		switch {
		case c.Status == metav1.ConditionFalse && c.Type == v1alpha1.ConditionAccepted, missed, c.Reason == "Failed", c.Reason == "NodesTooOld":
			kind = corev1.EventTypeWarning
		case was == nil && c.Status == metav1.ConditionFalse, c.Type == v1alpha1.ConditionComplete && c.Reason != "PodsMissed":
			continue // it has just begun, or is of no interest to anybody
		}
		r.events.Eventf(ta, nil, kind, c.Reason, "Reconcile", "%s", limited(c.Message))
	}
}

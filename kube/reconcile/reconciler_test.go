package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/cluster"
	"github.com/wayside-tracing/wayside/kube/inject"
	"github.com/wayside-tracing/wayside/kube/render"
)

// world is a cluster with one reconciler. What the reconciler sees of TraceAgents
// is what is there.
type world struct {
	t       *testing.T
	client  client.WithWatch
	options inject.Options // hides the reconciler's
	tallies map[types.NamespacedName]Tally
	events  []string
	applies int
	fail    error // of the next applications
	*Reconciler
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme, err := cluster.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, tallies: map[types.NamespacedName]Tally{},
		options: inject.Options{Default: types.NamespacedName{Namespace: "wayside-system", Name: "default"}, DaemonSetNamespaces: []string{"wayside-system"}, NativeSidecars: true},
	}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.TraceAgent{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
				w.applies++
				if w.fail != nil {
					return w.fail
				}
				return c.Apply(ctx, obj, opts...)
			},
		}).Build()
	w.Reconciler = NewReconciler(w.client, func() inject.Options { return w.options }, func(key types.NamespacedName) (Tally, bool) { t, ok := w.tallies[key]; return t, ok },
		func() string { return "1.36" }, w, slog.New(slog.DiscardHandler))
	return w
}

func (w *world) Eventf(regarding, _ runtime.Object, _, reason, _, note string, args ...any) {
	w.events = append(w.events, reason+" "+fmt.Sprintf(note, args...))
}

func (w *world) reconcile(ta *v1alpha1.TraceAgent) *v1alpha1.TraceAgent {
	w.t.Helper()
	if err := w.try(ta); err != nil {
		w.t.Fatal(err)
	}
	var after v1alpha1.TraceAgent
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(ta), &after); client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	return &after
}

func (w *world) try(ta *v1alpha1.TraceAgent) error {
	_, err := w.Reconcile(w.t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(ta)})
	return err
}

// is lists everything that was made.
func (w *world) is() []string {
	w.t.Helper()
	var all []string
	for _, kind := range []schema.GroupVersionKind{cluster.ConfigMapKind, cluster.ServiceAccountKind, cluster.ServiceKind, cluster.DaemonSetKind} {
		l := cluster.MetadataList(kind)
		if err := w.client.List(w.t.Context(), l); err != nil {
			w.t.Fatal(err)
		}
		for i := range l.Items {
			all = append(all, kind.Kind+" "+l.Items[i].Namespace+"/"+l.Items[i].Name)
		}
	}
	slices.Sort(all)
	return all
}

func (w *world) expect(want ...string) {
	w.t.Helper()
	want = slices.Sorted(slices.Values(want))
	if got := w.is(); !slices.Equal(got, want) {
		w.t.Errorf("there is\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func reasons(ta *v1alpha1.TraceAgent) string {
	var all []string
	for _, c := range ta.Status.Conditions {
		all = append(all, fmt.Sprintf("%s=%s/%s", c.Type, c.Status, c.Reason))
	}
	return strings.Join(all, " ")
}

func TestASidecarHasAConfigMap(t *testing.T) {
	ta := traceAgent("shop", "team", v1alpha1.Sidecar)
	w := newWorld(t, ta)
	w.tallies[client.ObjectKeyFromObject(ta)] = Tally{PodCounts: v1alpha1.PodCounts{Injected: 3}, Namespaces: []string{"shop"}}
	after := w.reconcile(ta)
	w.expect("ConfigMap shop/wayside-team")
	if got, want := reasons(after), "Accepted=True/Accepted Ready=True/Injecting Complete=True/AllPods"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if after.Status.Pods.Injected != 3 || after.Status.Revision != render.Revision(ta, w.options.Options) {
		t.Errorf("%+v", after.Status)
	}
	var cm corev1.ConfigMap
	if err := w.client.Get(t.Context(), types.NamespacedName{Namespace: "shop", Name: "wayside-team"}, &cm); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(cm.Data["agent.yaml"], "collector:4317") || !metav1.IsControlledBy(&cm, ta) || cm.Labels[cluster.LabelManagedBy] != cluster.ManagedBy {
		t.Errorf("%+v", cm)
	}
	if len(w.events) != 2 { // Accepted, Injecting
		t.Errorf("%q", w.events)
	}
}

func TestADaemonSetHasFourObjects(t *testing.T) {
	ta := traceAgent("wayside-system", "node", v1alpha1.DaemonSet)
	w := newWorld(t, ta)
	w.tallies[client.ObjectKeyFromObject(ta)] = Tally{}
	w.reconcile(ta)
	four := []string{
		"ConfigMap wayside-system/wayside-node", "ServiceAccount wayside-system/wayside-node",
		"Service wayside-system/wayside-node", "DaemonSet wayside-system/wayside-node",
	}
	w.expect(four...)

	// What its pods and nodes become is in its status.
	var d appsv1.DaemonSet
	if err := w.client.Get(t.Context(), types.NamespacedName{Namespace: "wayside-system", Name: "wayside-node"}, &d); err != nil {
		t.Fatal(err)
	}
	if !metav1.IsControlledBy(&d, ta) || d.OwnerReferences[0].BlockOwnerDeletion != nil {
		t.Errorf("%+v", d.OwnerReferences)
	}
	d.Status = appsv1.DaemonSetStatus{DesiredNumberScheduled: 2, NumberReady: 2, UpdatedNumberScheduled: 2}
	if err := w.client.Status().Update(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	after := w.reconcile(ta)
	if after.Status.Nodes == nil || after.Status.Nodes.Ready != 2 || !strings.Contains(reasons(after), "Ready=True/AgentsReady") {
		t.Errorf("%+v", after.Status)
	}
}

func TestNothingIsAppliedTwice(t *testing.T) {
	ta := traceAgent("wayside-system", "node", v1alpha1.DaemonSet)
	w := newWorld(t, ta)
	w.reconcile(ta)
	before := w.applies
	w.reconcile(ta)
	if w.applies != before {
		t.Errorf("%d calls for nothing", w.applies-before)
	}

	// Somebody changes what was made.
	var cm corev1.ConfigMap
	key := types.NamespacedName{Namespace: "wayside-system", Name: "wayside-node"}
	if err := w.client.Get(t.Context(), key, &cm); err != nil {
		t.Fatal(err)
	}
	cm.Data = map[string]string{"agent.yaml": "other"}
	if err := w.client.Update(t.Context(), &cm); err != nil {
		t.Fatal(err)
	}
	if err := w.client.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}); err != nil {
		t.Fatal(err)
	}
	w.reconcile(ta)
	if err := w.client.Get(t.Context(), key, &cm); err != nil || !strings.Contains(cm.Data["agent.yaml"], "collector:4317") {
		t.Errorf("%v, %v", cm.Data, err)
	}
	if err := w.client.Get(t.Context(), key, &corev1.Service{}); err != nil {
		t.Error(err)
	}
}

func TestADaemonSetElsewhereIsNotMade(t *testing.T) {
	ta := traceAgent("shop", "node", v1alpha1.DaemonSet)
	w := newWorld(t, ta)
	after := w.reconcile(ta)
	w.expect()
	if got, want := reasons(after), "Accepted=False/NotAllowed Ready=False/NotAccepted"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAWrongTraceAgentSaysWhat(t *testing.T) {
	ta := traceAgent("shop", "team", v1alpha1.Sidecar)
	ta.Spec.Deliver.Endpoint = "no port"
	w := newWorld(t, ta)
	after := w.reconcile(ta)
	w.expect()
	c := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionAccepted)
	if c == nil || c.Reason != "Invalid" || !strings.Contains(c.Message, "endpoint") {
		t.Errorf("%+v", c)
	}
}

// Neither of two that select the same pods is taken, but each can be named.
func TestATieIsShown(t *testing.T) {
	a, b := traceAgent("shop", "a", v1alpha1.Sidecar), traceAgent("shop", "b", v1alpha1.Sidecar)
	w := newWorld(t, a, b)
	after := w.reconcile(a)
	if got, want := reasons(after), "Accepted=False/Tie Ready=False/NotAccepted"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.expect("ConfigMap shop/wayside-a")
	if err := w.client.Delete(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if after = w.reconcile(a); !strings.HasPrefix(reasons(after), "Accepted=True") {
		t.Error(reasons(after))
	}
	if got := w.rivals(t.Context(), b); len(got) != 1 || got[0].Name != "a" {
		t.Errorf("%v should have been looked at again", got)
	}
}

func TestTheDefaultHasCopiesWherePodsAre(t *testing.T) {
	ta := traceAgent("wayside-system", "default", v1alpha1.Sidecar)
	w := newWorld(t, ta)
	key := client.ObjectKeyFromObject(ta)
	w.reconcile(ta) // pods have not been counted yet
	w.expect("ConfigMap wayside-system/wayside-default")

	w.tallies[key] = Tally{Namespaces: []string{"bank", "shop"}}
	w.reconcile(ta)
	three := []string{"ConfigMap wayside-system/wayside-default", "ConfigMap bank/wayside.wayside-system.default", "ConfigMap shop/wayside.wayside-system.default"}
	w.expect(three...)

	// The CronJob of bank rests, and its next pod will look for it.
	w.tallies[key] = Tally{Namespaces: []string{"shop"}}
	w.reconcile(ta)
	w.expect(three...)

	// It is not the default any more: only pods that run still have it.
	w.options.Default = types.NamespacedName{}
	w.reconcile(ta)
	w.expect(three[0], three[2])

	if err := w.client.Delete(t.Context(), ta); err != nil {
		t.Fatal(err)
	}
	w.reconcile(ta)
	w.expect(three[0]) // which goes by its owner
}

// Pods that were told to send to the DaemonSet's Service still do.
func TestADaemonSetStaysUntilItsPodsHaveGone(t *testing.T) {
	ta := traceAgent("wayside-system", "node", v1alpha1.DaemonSet)
	w := newWorld(t, ta)
	w.reconcile(ta)
	four := w.is()
	var is v1alpha1.TraceAgent
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(ta), &is); err != nil {
		t.Fatal(err)
	}
	is.Spec.Strategy = v1alpha1.Sidecar
	if err := w.client.Update(t.Context(), &is); err != nil {
		t.Fatal(err)
	}
	w.reconcile(ta) // pods have not been counted
	w.expect(four...)
	w.tallies[client.ObjectKeyFromObject(ta)] = Tally{ToNodes: 1}
	w.reconcile(ta)
	w.expect(four...)
	w.tallies[client.ObjectKeyFromObject(ta)] = Tally{}
	w.reconcile(ta)
	w.expect("ConfigMap wayside-system/wayside-node")
}

func TestAFailureIsShownAndTriedAgain(t *testing.T) {
	ta := traceAgent("shop", "team", v1alpha1.Sidecar)
	w := newWorld(t, ta)
	w.fail = apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "wayside-team", nil)
	if err := w.try(ta); err == nil {
		t.Error("no error")
	}
	var after v1alpha1.TraceAgent
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(ta), &after); err != nil {
		t.Fatal(err)
	}
	c := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil || c.Reason != "Failed" || !strings.Contains(c.Message, "forbidden") {
		t.Errorf("%+v", c)
	}
	w.fail = nil
	if got := reasons(w.reconcile(ta)); !strings.Contains(got, "Ready=True") {
		t.Error(got)
	}
}

func TestEventsTellOfNewlyMissedPods(t *testing.T) {
	ta := traceAgent("shop", "team", v1alpha1.Sidecar)
	w := newWorld(t, ta)
	key := client.ObjectKeyFromObject(ta)
	for _, step := range []struct {
		missed int32
		told   bool
	}{{2, true}, {2, false}, {1, false}, {3, true}, {0, false}, {1, true}} {
		w.tallies[key] = Tally{PodCounts: v1alpha1.PodCounts{Missed: step.missed}}
		w.events = nil
		w.reconcile(ta)
		told := slices.ContainsFunc(w.events, func(e string) bool { return strings.HasPrefix(e, "PodsMissed ") })
		if told != step.told {
			t.Errorf("%+v: %q", step, w.events)
		}
	}
}

func TestTheCopierMakesWhatAPodReads(t *testing.T) {
	ta := traceAgent("wayside-system", "default", v1alpha1.Sidecar)
	w := newWorld(t, ta)
	c := NewCopier(w.client, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for range 300 { // more than it has room for: it must not block
		c.Injected(ta, "shop")
	}
	c.Injected(traceAgent("wayside-system", "node", v1alpha1.DaemonSet), "shop") // nothing of it is in the pod's namespace
	go func() { ended <- c.Start(ctx) }()
	for len(c.wanted) > 0 {
		select {
		case <-t.Context().Done():
			t.Fatal("it hangs")
		default:
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.expect("ConfigMap shop/wayside.wayside-system.default")
	if w.applies != 1 {
		t.Errorf("%d calls, want 1", w.applies)
	}
}

func TestOwnerOfCopy(t *testing.T) {
	for name, want := range map[string]string{
		"wayside.observability.default": "observability/default",
		"wayside.observability.a.b":     "observability/a.b",
		"wayside-default":               "",
		"wayside.":                      "",
		"other.observability.default":   "",
	} {
		got, ok := ownerOfCopy(name)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	ta := traceAgent("observability", "a.b", v1alpha1.Sidecar)
	if got, ok := ownerOfCopy(render.ConfigMapName(ta, "shop")); !ok || got != client.ObjectKeyFromObject(ta) {
		t.Errorf("%v: render names copies otherwise", got)
	}
}

// What is applied says nothing of what it does not mean.
func TestApplicable(t *testing.T) {
	ta := traceAgent("wayside-system", "node", v1alpha1.DaemonSet)
	u, err := applicable(render.DaemonSet(ta, render.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, has := u.Object["status"]; has {
		t.Error("it has a status")
	}
	var nulls func(path string, v any)
	nulls = func(path string, v any) {
		switch v := v.(type) {
		case nil:
			t.Errorf("%s is null", path)
		case map[string]any:
			for _, k := range slices.Collect(maps.Keys(v)) {
				nulls(path+"."+k, v[k])
			}
		case []any:
			for i := range v {
				nulls(fmt.Sprintf("%s[%d]", path, i), v[i])
			}
		}
	}
	nulls("", u.Object)
}

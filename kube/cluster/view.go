package cluster

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/inject"
)

// View answers what decisions about pods depend on.
type View struct {
	cache   cache.Cache
	live    client.Reader
	options inject.Options
	nodes   *Nodes

	mu     sync.Mutex // for changes of known, and for told
	known  map[types.NamespacedName]*v1alpha1.TraceAgent
	told   func(before, after *v1alpha1.TraceAgent)
	agents atomic.Pointer[[]*v1alpha1.TraceAgent]
	synced []toolscache.DoneChecker
}

// NewView has the caches hold what it needs. Live asks the API server.
func NewView(ctx context.Context, c cache.Cache, live client.Reader, o inject.Options, nodes *Nodes) (*View, error) {
	v := &View{cache: c, live: live, options: o, nodes: nodes, known: map[types.NamespacedName]*v1alpha1.TraceAgent{}}
	v.agents.Store(new([]*v1alpha1.TraceAgent))
	for _, o := range []client.Object{Metadata(NamespaceKind), &corev1.LimitRange{}} {
		if _, err := c.GetInformer(ctx, o); err != nil {
			return nil, fmt.Errorf("watching %T: %w", o, err)
		}
	}
	informer, err := c.GetInformer(ctx, &v1alpha1.TraceAgent{})
	if err != nil {
		return nil, fmt.Errorf("watching TraceAgents: %w", err)
	}
	handle, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { v.see(o, false) },
		UpdateFunc: func(_, o any) { v.see(o, false) },
		DeleteFunc: func(o any) { v.see(o, true) },
	})
	if err != nil {
		return nil, fmt.Errorf("watching TraceAgents: %w", err)
	}
	v.synced = append(v.synced, handle.HasSyncedChecker())
	return v, nil
}

// Synced waits until everything that was there at the start is known.
func (v *View) Synced(ctx context.Context) bool {
	if !v.cache.WaitForCacheSync(ctx) {
		return false
	}
	return toolscache.WaitFor(ctx, "", v.synced...)
}

func (v *View) see(o any, gone bool) {
	if t, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		o = t.Obj
	}
	ta, ok := o.(*v1alpha1.TraceAgent)
	if !ok {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	key := client.ObjectKeyFromObject(ta)
	before := v.known[key]
	if gone {
		delete(v.known, key)
	} else {
		v.known[key] = ta
	}
	list := make([]*v1alpha1.TraceAgent, 0, len(v.known))
	for _, ta := range v.known {
		list = append(list, ta)
	}
	v.agents.Store(&list)
	if v.told != nil {
		v.told(before, v.known[key])
	}
}

// Tell has a function called after Agents has changed, with what was and what is,
// one of which may be nil. It must not block.
func (v *View) Tell(f func(before, after *v1alpha1.TraceAgent)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.told = f
}

// Agents are all TraceAgents, in any order. They must not be changed.
func (v *View) Agents() []*v1alpha1.TraceAgent { return *v.agents.Load() }

// Options are those that hold now.
func (v *View) Options() inject.Options {
	o := v.options
	if v.nodes != nil {
		o.NativeSidecars = v.nodes.NativeSidecars()
	}
	return o
}

// liveTimeout is how long the API server may take to tell of a namespace that is
// newer than the cache; the webhook has 2 s in all.
const liveTimeout = 500 * time.Millisecond

// NamespaceLabels are a namespace's labels, which must not be changed.
func (v *View) NamespaceLabels(ctx context.Context, name string) (map[string]string, error) {
	ns := Metadata(NamespaceKind)
	err := v.cache.Get(ctx, types.NamespacedName{Name: name}, ns)
	if apierrors.IsNotFound(err) {
		// A namespace that was made a moment ago, with its pods.
		ctx, cancel := context.WithTimeout(ctx, liveTimeout)
		defer cancel()
		err = v.live.Get(ctx, types.NamespacedName{Name: name}, ns)
	}
	return ns.Labels, err
}

// LimitRanges are those of a namespace, which must not be changed.
func (v *View) LimitRanges(ctx context.Context, namespace string) ([]*corev1.LimitRange, error) {
	var l corev1.LimitRangeList
	if err := v.cache.List(ctx, &l, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	ranges := make([]*corev1.LimitRange, len(l.Items))
	for i := range l.Items {
		ranges[i] = &l.Items[i]
	}
	return ranges, nil
}

// Namespaces are the labels of all, by name.
func (v *View) Namespaces(ctx context.Context) (map[string]map[string]string, error) {
	l := MetadataList(NamespaceKind)
	if err := v.cache.List(ctx, l); err != nil {
		return nil, err
	}
	all := make(map[string]map[string]string, len(l.Items))
	for i := range l.Items {
		all[l.Items[i].Name] = l.Items[i].Labels
	}
	return all, nil
}

// Pods are all that have not ended, by metadata. Whoever asks has had the caches
// watch them.
func (v *View) Pods(ctx context.Context) ([]metav1.PartialObjectMetadata, error) {
	l := MetadataList(PodKind)
	err := v.cache.List(ctx, l)
	return l.Items, err
}

package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/cluster"
	"github.com/wayside-tracing/wayside/kube/render"
)

const (
	// countEvery is the least time between two counts, each of which looks at every
	// pod: about 20 ms for 5,000.
	countEvery = 2 * time.Second
	// recountAfter is the most, whatever happens: what depends on nodes has no event.
	recountAfter = time.Minute
	// eventsPerCount is how many pods are told of their trouble after one count; the
	// others come after the next. Together with countEvery that is at most 600 a
	// minute.
	eventsPerCount = 20
)

// Recorder writes events.
type Recorder interface {
	Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any)
}

// Counter counts pods, again when something has changed.
type Counter struct {
	cache  cache.Cache
	view   *cluster.View
	left   []string
	events Recorder
	log    *slog.Logger

	dirty   chan struct{} // has one element: something has changed
	changed chan event.GenericEvent

	mu      sync.Mutex
	counts  *Counts // nil: not counted yet
	told    map[types.UID]string
	renders map[types.UID]rendered
}

type rendered struct {
	generation int64
	options    render.Options
	revision   string
}

// NewCounter makes one. Left are namespaces in which API servers don't ask about
// pods.
func NewCounter(c cache.Cache, v *cluster.View, left []string, events Recorder, log *slog.Logger) *Counter {
	return &Counter{
		cache: c, view: v, left: left, events: events, log: log,
		dirty: make(chan struct{}, 1), changed: make(chan event.GenericEvent, 64),
		told: map[types.UID]string{}, renders: map[types.UID]rendered{},
	}
}

// Tally is that of a TraceAgent; counted is whether pods have been counted.
func (c *Counter) Tally(key types.NamespacedName) (t Tally, counted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		return Tally{}, false
	}
	t, counted = c.counts.Of[key]
	return t, counted
}

// Changed tells of TraceAgents whose tally is another than before.
func (c *Counter) Changed() <-chan event.GenericEvent { return c.changed }

// Start counts until the context ends. It runs where the reconciler does, so that
// only one replica watches pods.
func (c *Counter) Start(ctx context.Context) error {
	for _, o := range []client.Object{cluster.Metadata(cluster.PodKind), cluster.Metadata(cluster.NamespaceKind)} {
		informer, err := c.cache.GetInformer(ctx, o)
		if err != nil {
			return fmt.Errorf("watching %T: %w", o, err)
		}
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { c.mark() },
			UpdateFunc: func(before, after any) {
				if matters(before, after) {
					c.mark()
				}
			},
			DeleteFunc: func(any) { c.mark() },
		})
		if err != nil {
			return fmt.Errorf("watching %T: %w", o, err)
		}
	}
	c.view.Tell(func(before, after *v1alpha1.TraceAgent) {
		if before == nil || after == nil || matters(before, after) {
			c.mark()
		}
	})
	if !c.view.Synced(ctx) {
		return nil // the context has ended
	}
	for {
		if err := c.pass(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("pods could not be counted", "error", err)
		}
		if !sleep(ctx, countEvery) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.dirty:
		case <-time.After(recountAfter):
		}
	}
}

// matters is whether a count may be another: a pod that becomes ready changes
// nothing.
func matters(before, after any) bool {
	b, ok := before.(metav1.Object)
	a, ok2 := after.(metav1.Object)
	if !ok || !ok2 {
		return true
	}
	return b.GetGeneration() != a.GetGeneration() && !isPod(after) || (b.GetDeletionTimestamp() == nil) != (a.GetDeletionTimestamp() == nil) ||
		!reflect.DeepEqual(b.GetLabels(), a.GetLabels()) || !reflect.DeepEqual(b.GetAnnotations(), a.GetAnnotations())
}

func isPod(o any) bool {
	m, ok := o.(*metav1.PartialObjectMetadata)
	return ok && m.Kind == "Pod"
}

func (c *Counter) mark() {
	select {
	case c.dirty <- struct{}{}:
	default: // it is marked already
	}
}

// pass counts once, and tells reconcilers and pods.
func (c *Counter) pass(ctx context.Context) error {
	pods, err := c.view.Pods(ctx)
	if err != nil {
		return err
	}
	namespaces, err := c.view.Namespaces(ctx)
	if err != nil {
		return err
	}
	agents := c.view.Agents()
	options := c.view.Options()
	after := Count(pods, Surroundings{
		Agents: agents, Namespaces: namespaces, Left: c.left, Options: options,
		Revision: func(ta *v1alpha1.TraceAgent) string { return c.revision(ta, options.Options) },
	})
	c.mu.Lock()
	before := c.counts
	c.counts = &after
	c.mu.Unlock()
	for _, ta := range agents {
		key := client.ObjectKeyFromObject(ta)
		if before == nil || !reflect.DeepEqual(before.Of[key], after.Of[key]) {
			select {
			case c.changed <- event.GenericEvent{Object: ta}:
			case <-ctx.Done():
				return nil
			}
		}
	}
	c.forget(agents)
	c.tell(after.Troubles)
	return nil
}

// revision is render.Revision, worked out once for a spec.
func (c *Counter) revision(ta *v1alpha1.TraceAgent, o render.Options) string {
	if r, ok := c.renders[ta.UID]; ok && r.generation == ta.Generation && r.options == o {
		return r.revision
	}
	r := rendered{generation: ta.Generation, options: o}
	if _, errs := render.Config(ta); len(errs) == 0 {
		r.revision = render.Revision(ta, o)
	}
	c.renders[ta.UID] = r
	return r.revision
}

func (c *Counter) forget(agents []*v1alpha1.TraceAgent) {
	if len(c.renders) <= len(agents) {
		return
	}
	there := map[types.UID]bool{}
	for _, ta := range agents {
		there[ta.UID] = true
	}
	for uid := range c.renders {
		if !there[uid] {
			delete(c.renders, uid)
		}
	}
}

// tell writes an event for each pod in trouble, once for each trouble.
func (c *Counter) tell(troubles []Trouble) {
	told := make(map[types.UID]string, len(troubles))
	left := eventsPerCount
	for _, t := range troubles {
		if c.told[t.UID] == t.Reason {
			told[t.UID] = t.Reason
			continue
		}
		if left == 0 {
			continue
		}
		left--
		told[t.UID] = t.Reason
		c.events.Eventf(&corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: t.Namespace, Name: t.Name, UID: t.UID}, nil,
			corev1.EventTypeWarning, t.Reason, "Inject", "%s", limited(t.Note))
	}
	c.told = told
	if left == 0 {
		c.mark() // there are more
	}
}

// maxNote is in bytes; the API server takes events of at most 1,024.
const maxNote = 1000

func limited(note string) string {
	if len(note) > maxNote {
		return strings.ToValidUTF8(note[:maxNote], "") + "…"
	}
	return note
}

// sleep waits, and says whether the context is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

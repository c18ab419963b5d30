package reconcile

import (
	"context"
	"log/slog"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// Copier sees to it that a pod which is just being injected finds its ConfigMap. The
// reconciler would make it too, but after it has counted: an agent that starts
// without it looks again only a minute later, when the kubelet has looked.
//
// It runs in every replica and knows what it has done, not what there is; from
// then on a ConfigMap is the reconciler's.
type Copier struct {
	client client.Client
	log    *slog.Logger
	wanted chan copyOf
	done   map[copyKey]bool
}

type copyKey struct {
	agent     types.UID
	namespace string
}

type copyOf struct {
	agent     *v1alpha1.TraceAgent
	namespace string
}

// NewCopier makes one.
func NewCopier(c client.Client, log *slog.Logger) *Copier {
	return &Copier{client: c, log: log, wanted: make(chan copyOf, 256), done: map[copyKey]bool{}}
}

// Injected says that a pod of a namespace is to have a TraceAgent's agent. It never
// blocks: with more than 256 waiting, the reconciler has to do it.
func (c *Copier) Injected(ta *v1alpha1.TraceAgent, namespace string) {
	if ta.Spec.Strategy != v1alpha1.Sidecar {
		return
	}
	select {
	case c.wanted <- copyOf{ta, namespace}:
	default:
	}
}

// NeedLeaderElection is false: every replica injects.
func (c *Copier) NeedLeaderElection() bool { return false }

// Start makes ConfigMaps until the context ends.
func (c *Copier) Start(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-c.wanted:
			if err := c.copy(ctx, w); err != nil && ctx.Err() == nil {
				c.log.Error("a ConfigMap could not be made for a pod; the reconciler tries again", "error", err,
					"namespace", w.namespace, "trace_agent", client.ObjectKeyFromObject(w.agent).String())
			}
		}
	}
}

func (c *Copier) copy(ctx context.Context, w copyOf) error {
	key := copyKey{w.agent.UID, w.namespace}
	if c.done[key] {
		return nil
	}
	config, errs := render.Config(w.agent)
	if len(errs) > 0 {
		return errs.ToAggregate()
	}
	list, err := objects(w.agent, config, []string{w.namespace}, render.Options{})
	if err != nil {
		return err
	}
	for _, obj := range list {
		if obj.GetNamespace() != w.namespace {
			continue // the TraceAgent's own, which this pod does not read
		}
		if err := c.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(obj), client.FieldOwner(FieldManager), client.ForceOwnership); err != nil {
			return err
		}
	}
	c.done[key] = true
	return nil
}

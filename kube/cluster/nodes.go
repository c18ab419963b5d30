package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Versions of Kubernetes from which on something can be used.
var (
	// nativeSidecars: init containers with restartPolicy Always. A kubelet that does
	// not know them would wait for the agent to end before it starts the app.
	nativeSidecars = version.MajorMinor(1, 29)
)

const (
	nodesEvery = 5 * time.Minute // nodes are replaced one by one, over hours
	nodesPage  = 100             // nodes a request: about 1 MB
)

// Nodes knows what the oldest version in the cluster is: of the API server and of
// every Linux node.
type Nodes struct {
	live   client.Reader
	server *version.Version
	log    *slog.Logger
	oldest atomic.Pointer[version.Version] // nil: not asked yet
}

// NewNodes takes the API server's version, such as v1.36.2.
func NewNodes(live client.Reader, server string, log *slog.Logger) (*Nodes, error) {
	v, err := version.ParseGeneric(server)
	if err != nil {
		return nil, fmt.Errorf("the API server's version: %w", err)
	}
	return &Nodes{live: live, server: v, log: log}, nil
}

// NativeSidecars is whether every node keeps init containers running that have
// restartPolicy Always.
func (n *Nodes) NativeSidecars() bool { return n.all(nativeSidecars) }

// Oldest is the oldest version; the API server's as long as no node was seen.
func (n *Nodes) Oldest() *version.Version {
	if v := n.oldest.Load(); v != nil {
		return v
	}
	return n.server
}

func (n *Nodes) all(v *version.Version) bool { return n.Oldest().AtLeast(v) }

// NeedLeaderElection is false: every replica injects.
func (n *Nodes) NeedLeaderElection() bool { return false }

// Start asks for nodes again and again, until the context ends.
func (n *Nodes) Start(ctx context.Context) error {
	for {
		if err := n.Look(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("nodes' versions could not be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(nodesEvery):
		}
	}
}

// Look asks once.
func (n *Nodes) Look(ctx context.Context) error {
	oldest := n.server
	for more := ""; ; {
		var page corev1.NodeList
		if err := n.live.List(ctx, &page, client.Limit(nodesPage), client.Continue(more)); err != nil {
			return err
		}
		for i := range page.Items {
			info := page.Items[i].Status.NodeInfo
			if info.OperatingSystem == "windows" {
				continue // pods there get no agent
			}
			v, err := version.ParseGeneric(info.KubeletVersion)
			if err != nil {
				continue // a node that has just been made
			}
			if v.LessThan(oldest) {
				oldest = v
			}
		}
		if more = page.Continue; more == "" {
			break
		}
	}
	if before := n.oldest.Swap(oldest); before == nil || !before.EqualTo(oldest) {
		n.log.Info("oldest version of Kubernetes among API server and nodes", "version", oldest.String(),
			"native_sidecars", n.NativeSidecars())
	}
	return nil
}

package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// nodeReader answers with pages of two nodes.
type nodeReader struct {
	client.Reader
	nodes []corev1.NodeSystemInfo
	err   error
}

func (r nodeReader) List(_ context.Context, to client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	from := 0
	if o.Continue != "" {
		fmt.Sscan(o.Continue, &from)
	}
	list := to.(*corev1.NodeList)
	for i := from; i < len(r.nodes) && i < from+2; i++ {
		list.Items = append(list.Items, corev1.Node{Status: corev1.NodeStatus{NodeInfo: r.nodes[i]}})
	}
	if from+2 < len(r.nodes) {
		list.Continue = fmt.Sprint(from + 2)
	}
	return r.err
}

func TestNodes(t *testing.T) {
	kubelets := func(versions ...string) (list []corev1.NodeSystemInfo) {
		for _, v := range versions {
			list = append(list, corev1.NodeSystemInfo{KubeletVersion: v, OperatingSystem: "linux"})
		}
		return list
	}
	for name, test := range map[string]struct {
		server string
		nodes  []corev1.NodeSystemInfo
		oldest string
		native bool
	}{
		"no node":              {"v1.36.2", nil, "1.36.2", true},
		"all new":              {"v1.36.2", kubelets("v1.36.2", "v1.35.0"), "1.35.0", true},
		"vendors' suffixes":    {"v1.34.1-gke.1829001", kubelets("v1.33.5-eks-113cf36"), "1.33.5", true},
		"the oldest that do":   {"v1.36.2", kubelets("v1.29.6"), "1.29.6", true},
		"one old node, page 2": {"v1.31.0", kubelets("v1.31.0", "v1.31.0", "v1.28.3"), "1.28.3", false},
		"old server":           {"v1.28.0", kubelets("v1.28.0"), "1.28.0", false},
		"windows":              {"v1.31.0", []corev1.NodeSystemInfo{{KubeletVersion: "v1.28.0", OperatingSystem: "windows"}}, "1.31.0", true},
		"a node without yet":   {"v1.31.0", kubelets(""), "1.31.0", true},
	} {
		n, err := NewNodes(nodeReader{nodes: test.nodes}, test.server, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := n.Oldest().String(); got != test.oldest && n.Oldest().WithPreRelease("").String() != test.oldest {
			t.Errorf("%s: oldest %s, want %s", name, got, test.oldest)
		}
		if n.NativeSidecars() != test.native {
			t.Errorf("%s: sidecars %v", name, n.NativeSidecars())
		}
	}
}

// What was known stays known.
func TestNodesThatCannotBeReadChangeNothing(t *testing.T) {
	n, err := NewNodes(nodeReader{err: context.DeadlineExceeded}, "v1.31.0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Look(t.Context()); err == nil || !n.NativeSidecars() {
		t.Errorf("%v, %v", err, n.NativeSidecars())
	}
	if _, err := NewNodes(nil, "unknown", nil); err == nil {
		t.Error("a version that is none")
	}
}

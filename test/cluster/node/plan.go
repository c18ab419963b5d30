// Package node is a machine of the cluster, made of namespaces: what runs as its
// first process, and what it starts. All that it changes is its own: mounts,
// network, processes, host name; and control groups, below one of its name.
//
//	supervisor ─► node 1: etcd, API server, controller manager, scheduler, DNS,
//	              │       containerd, kubelet, kube-proxy
//	              └─► node 2 …: containerd, kubelet, kube-proxy
//
// A node ends with the first of its processes that ends, and with it all that
// runs in it; the cluster ends with its first node.
package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A Plan is what a cluster is to be.
type Plan struct {
	Folder string // where it keeps all it writes
	Nodes  int
	Images []string // archives that every node has from the start

	// Folders of programs.
	Kubernetes, Etcd, Containerd, DNS string

	APIFlags []string // more of the API server's
}

// Port is of the API server, on every address of the first node.
const Port = 6443

// Name is a node's; the first is 1.
func Name(n int) string { return fmt.Sprintf("node%d", n) }

// IP is a node's address.
func IP(n int) string { return fmt.Sprintf("10.77.0.%d", n) }

// pods is the range of the addresses of a node's pods.
func pods(n int) string { return fmt.Sprintf("10.88.%d.0/24", n) }

// Group is the name of a node's control groups.
func Group(n int) string { return "wayside-test-" + Name(n) }

// Certs is the folder of what the parts know each other by.
func (p Plan) Certs() string { return filepath.Join(p.Folder, "certs") }

// Own is a folder of a node's own.
func (p Plan) Own(n int) string { return filepath.Join(p.Folder, Name(n)) }

// Log is a node's log of one of its parts.
func (p Plan) Log(n int, part string) string {
	return filepath.Join(p.Folder, "log", Name(n)+"-"+part+".log")
}

// PIDFile has the process id of a node's first process, as the first node sees it.
func (p Plan) PIDFile(n int) string { return filepath.Join(p.Folder, Name(n)+".pid") }

// Path is for programs that run in the cluster.
func (p Plan) Path() string {
	return p.Kubernetes + ":" + p.Etcd + ":" + p.Containerd + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// Save writes the plan for the nodes to read.
func (p Plan) Save() error {
	b, err := json.MarshalIndent(p, "", "\t")
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	return os.WriteFile(filepath.Join(p.Folder, "plan.json"), b, 0o644)
}

// Load reads the plan of a folder.
func Load(folder string) (p Plan, err error) {
	b, err := os.ReadFile(filepath.Join(folder, "plan.json"))
	if err != nil {
		return p, fmt.Errorf("node: %w", err)
	}
	return p, json.Unmarshal(b, &p)
}

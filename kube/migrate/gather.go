package migrate

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/apiserver"
)

// Gather reads what there is in a namespace, or in all if it is "". Kinds that the
// cluster doesn't know are no gap; what may not be read is in Inventory.Unseen. An
// error is that not one workload could be read.
func Gather(ctx context.Context, c *apiserver.Client, namespace string) (*Inventory, error) {
	g := gatherer{ctx: ctx, c: c, namespace: namespace, inv: new(Inventory)}
	if namespace == "" {
		list(&g, "", "v1", "namespaces", &g.inv.Namespaces)
	} else {
		g.oneNamespace()
	}
	read := 0
	for _, k := range []struct{ group, resource, kind string }{
		{"apps", "daemonsets", "DaemonSet"},
		{"apps", "deployments", "Deployment"},
		{"apps", "statefulsets", "StatefulSet"},
		{"batch", "cronjobs", "CronJob"},
		{"batch", "jobs", "Job"},
		{"", "pods", "Pod"},
	} {
		before := len(g.inv.Workloads)
		if list(&g, k.group, "v1", k.resource, &g.inv.Workloads) {
			read++
		}
		for _, w := range g.inv.Workloads[before:] {
			w.Kind = k.kind // lists leave it out
		}
	}
	if read == 0 {
		return nil, g.last
	}
	list(&g, "", "v1", "services", &g.inv.Services)
	g.configMaps()
	list(&g, "jaegertracing.io", "v1", "jaegers", &g.inv.Jaegers)
	if !list(&g, "opentelemetry.io", "v1beta1", "opentelemetrycollectors", &g.inv.Collectors) {
		list(&g, "opentelemetry.io", "v1alpha1", "opentelemetrycollectors", &g.inv.Collectors)
	}
	list(&g, v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, "traceagents", &g.inv.Agents)
	return g.inv, nil
}

type gatherer struct {
	ctx       context.Context
	c         *apiserver.Client
	namespace string
	inv       *Inventory
	last      error
}

func (g *gatherer) unseen(what string, err error) {
	g.last = err
	if !apiserver.Missing(err) {
		g.inv.Unseen = append(g.inv.Unseen, fmt.Sprintf("%s: %v", what, err))
	}
}

// list reads all of a kind, and says whether it could.
func list[T any](g *gatherer, group, version, resource string, to *[]*T) bool {
	ref := apiserver.Ref{Kind: apiserver.Kind{Group: group, Version: version, Resource: resource}, Namespace: g.namespace}
	all, err := apiserver.List[T](g.ctx, g.c, ref, apiserver.Select{})
	if err != nil {
		g.unseen(resource, err)
		return false
	}
	*to = append(*to, all...)
	return true
}

func (g *gatherer) oneNamespace() {
	ref := apiserver.Ref{Kind: apiserver.Kind{Version: "v1", Resource: "namespaces"}, Name: g.namespace}
	n, err := apiserver.Get[corev1.Namespace](g.ctx, g.c, ref)
	if err != nil {
		g.unseen("the annotations of namespace "+g.namespace, err)
		return
	}
	g.inv.Namespaces = append(g.inv.Namespaces, n)
}

// configMaps reads those that a Jaeger Agent has mounted, for its configuration
// file.
func (g *gatherer) configMaps() {
	seen := map[string]bool{}
	for _, w := range g.inv.Workloads {
		t := w.template()
		if t == nil || oldAgent(w) == nil {
			continue
		}
		for _, v := range t.Spec.Volumes {
			if v.ConfigMap == nil || seen[w.Namespace+"/"+v.ConfigMap.Name] {
				continue
			}
			seen[w.Namespace+"/"+v.ConfigMap.Name] = true
			ref := apiserver.Ref{Kind: apiserver.Kind{Version: "v1", Resource: "configmaps"}, Namespace: w.Namespace, Name: v.ConfigMap.Name}
			cm, err := apiserver.Get[corev1.ConfigMap](g.ctx, g.c, ref)
			if err != nil {
				g.unseen("ConfigMap "+v.ConfigMap.Name, err)
				continue
			}
			g.inv.ConfigMaps = append(g.inv.ConfigMaps, cm)
		}
	}
}

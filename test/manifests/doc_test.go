// Package manifests holds what deploy/ offers for Kubernetes against the things it
// has to fit: Kubernetes' own types, its Pod Security Standards, the agent's
// configuration, and itself (selectors, ports, names). Kustomizations and charts go
// through the same checks; policies are run as the API server runs them.
//
// It is a module of its own, so that none of these tools' dependencies is Wayside's.
// What takes a cluster is in test/cluster.
package manifests

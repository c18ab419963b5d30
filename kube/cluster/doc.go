// Package cluster is what the operator knows of the cluster without asking: caches
// that the API server keeps up to date, cut down to what is looked at. Of pods,
// namespaces and what the operator makes, that is metadata, and of a pod's metadata a
// part: the operator of a cluster with 5,000 pods is to stay below 100 MB.
//
// Secrets are not among them, nor anything of a pod's spec.
package cluster

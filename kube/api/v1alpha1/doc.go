// Package v1alpha1 holds the TraceAgent, the object by which people tell the
// operator which agents they want: one a node, or one in every pod of theirs.
//
// Its fields are the agent's own configuration (docs/configuration.md), spelt as
// Kubernetes spells. What a field says is checked by the API server as far as the
// schema can (the markers below), and by agent/config when it is rendered.
//
// +kubebuilder:object:generate=true
// +groupName=wayside.dev
package v1alpha1

// Package reconcile makes of TraceAgents what they ask for, and tells in their
// status what became of it:
//
//	TraceAgent ──► ConfigMap, and for strategy DaemonSet: ServiceAccount, Service, DaemonSet
//	pods ──► counter ──► how many of each TraceAgent's pods have an agent, have none, …
//	     both ──► status, events
//
// Pods that run are never changed or restarted. What a TraceAgent has made in its own
// namespace goes with it, by owner references; copies of a ConfigMap in other
// namespaces are deleted by name.
package reconcile

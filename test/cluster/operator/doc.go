// Package operator tests the operator against a real API server, with controllers
// and without nodes: that TraceAgents are checked, pods injected and counted,
// certificates renewed and replicas restarted while pods are made. The operator
// runs as a process, twice, with the permissions that deploy/kubernetes gives it and
// no more.
//
// The tests have the build tag cluster.
package operator

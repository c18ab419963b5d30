// Package render makes what Kubernetes is to have of a TraceAgent: the agent's
// configuration, its container with volumes, what apps get in their environment,
// and for a DaemonSet the objects. It is pure: it asks nobody, reads no file and no
// Secret, and gives the same for the same.
//
// Whether a TraceAgent can be rendered is known from Config alone: the agent's own
// package of configuration has read what it returns. The other functions take a
// TraceAgent that Config has accepted.
package render

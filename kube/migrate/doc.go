// Package migrate finds what a cluster, or a file of manifests, has of the Jaeger
// Agent, of the Jaeger operator's sidecars and of the OpenTelemetry operator's, and
// plans how Wayside takes their place: TraceAgents that carry over what they were
// told, and patches.
//
// It changes nothing: a Plan is written as a shell script, to be read and run step
// by step. What can't be carried over is named in it.
//
// NewPlan is pure. The facts about the old operators are those of
// jaeger-operator 1.65 (pkg/inject/sidecar.go, pkg/deployment/agent.go) and
// opentelemetry-operator 0.158.
package migrate

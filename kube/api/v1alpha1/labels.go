package v1alpha1

// Labels and annotations of pods and namespaces.
const (
	// LabelInject is on pods, and on namespaces for all their pods. It is a label,
	// so that the API server itself can select on it. Its values are InjectTrue,
	// InjectFalse, or the name of a TraceAgent in the pod's namespace.
	LabelInject = "sidecar.wayside.dev/inject"
	InjectTrue  = "true"
	InjectFalse = "false"

	// LabelInjected is on pods that were injected: the strategy, in lower case.
	LabelInjected = "wayside.dev/injected"
	// AnnotationAgent is on pods that were injected: "namespace/name" of the
	// TraceAgent.
	AnnotationAgent = "wayside.dev/agent"
	// AnnotationRevision is on pods that were injected: a hash of what was
	// injected, by which outdated pods are found.
	AnnotationRevision = "wayside.dev/revision"
	// AnnotationReason is on pods that were looked at and were not injected: why.
	AnnotationReason = "wayside.dev/not-injected"

	// LabelAgent is on what the operator makes: the TraceAgent's name.
	LabelAgent = "wayside.dev/trace-agent"
)

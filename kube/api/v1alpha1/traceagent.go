package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Strategy is where agents run.
//
// +kubebuilder:validation:Enum=DaemonSet;Sidecar
type Strategy string

// The strategies.
const (
	// DaemonSet is one agent a node, for all pods there.
	DaemonSet Strategy = "DaemonSet"
	// Sidecar is one agent in each pod.
	Sidecar Strategy = "Sidecar"
)

// TraceAgent asks for agents, and says which pods send to them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]{0,53}[a-z0-9])?$') && !(self.metadata.name in ['true', 'false'])",message="a TraceAgent's name becomes part of a Service's and the value of a label: at most 55 of a-z, 0-9 and -, the first a letter, and neither true nor false"
// +kubebuilder:resource:shortName=ta,categories=wayside
// +kubebuilder:printcolumn:name="Strategy",type=string,JSONPath=".spec.strategy"
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=".spec.deliver.endpoint"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Injected",type=integer,JSONPath=".status.pods.injected"
// +kubebuilder:printcolumn:name="Missed",type=integer,JSONPath=".status.pods.missed"
// +kubebuilder:printcolumn:name="Outdated",type=integer,JSONPath=".status.pods.outdated"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type TraceAgent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:Required
	Spec   TraceAgentSpec   `json:"spec"`
	Status TraceAgentStatus `json:"status,omitempty"`
}

// TraceAgentList is several.
//
// +kubebuilder:object:root=true
type TraceAgentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TraceAgent `json:"items"`
}

// TraceAgentSpec is what is asked for.
//
// +kubebuilder:validation:XValidation:rule="self.strategy == 'DaemonSet' || !has(self.daemonSet)",message="daemonSet is only for strategy DaemonSet"
// +kubebuilder:validation:XValidation:rule="self.strategy == 'DaemonSet' || !has(self.buffer) || !has(self.buffer.disk) || !has(self.buffer.disk.hostPath)",message="a sidecar's buffer lives no longer than its pod: buffer.disk.hostPath is only for strategy DaemonSet"
type TraceAgentSpec struct {
	// Strategy is DaemonSet (one agent a node) or Sidecar (one a pod).
	Strategy Strategy `json:"strategy"`
	// Deliver says where spans go and how.
	Deliver Deliver `json:"deliver"`
	// Accept says which ports agents listen on; without it, all that need no
	// choice: Jaeger's UDP 6831 and 6832, OTLP 4317 and 4318.
	// +optional
	Accept *Accept `json:"accept,omitempty"`
	// Control says where tracers ask for their sampling strategy.
	// +optional
	Control *Control `json:"control,omitempty"`
	// Admin says where agents tell how they are.
	// +optional
	Admin *Admin `json:"admin,omitempty"`
	// Buffer says what agents keep while the collector is away.
	// +optional
	Buffer *Buffer `json:"buffer,omitempty"`
	// Tags are attributes of the resource of every span; one that the app has set
	// wins. In them, in deliver.endpoint and in sampling.source, ${POD_NAME},
	// ${POD_NAMESPACE}, ${POD_UID}, ${POD_IP}, ${NODE_NAME} and ${HOST_IP} are those
	// of the agent's pod, and $${ is ${ itself.
	// +optional
	// +kubebuilder:validation:MaxProperties=60
	Tags map[string]string `json:"tags,omitempty"`
	// Sampling says where tracers' sampling strategies come from.
	// +optional
	Sampling *Sampling `json:"sampling,omitempty"`
	// DrainTimeout is how long an agent that ends still delivers, as in "5s".
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	DrainTimeout string `json:"drainTimeout,omitempty"`
	// LogLevel is debug, info, warn or error.
	// +optional
	// +kubebuilder:validation:Enum=debug;info;warn;error
	LogLevel string `json:"logLevel,omitempty"`

	// Selector narrows the pods that send to these agents; without it, all. For a
	// Sidecar it selects in the TraceAgent's own namespace.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// NamespaceSelector says in which namespaces pods send to a DaemonSet, or to
	// the cluster's default TraceAgent; without it, in all. Other Sidecars serve
	// their own namespace alone.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// Image is the agent's; without it, the operator's own choice.
	// +optional
	Image string `json:"image,omitempty"`
	// ImagePullPolicy is as in a container.
	// +optional
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	// ImagePullSecrets are for the image. A pod gets them beside its own.
	// +optional
	// +kubebuilder:validation:MaxItems=8
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// Resources of an agent. Of CPU and memory each has a request and a limit, given
	// or not: for a Sidecar 10m to 200m and 20Mi, for a DaemonSet 50m to 1 and 64Mi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`

	// DaemonSet is what only that strategy has.
	// +optional
	DaemonSet *DaemonSetOptions `json:"daemonSet,omitempty"`
}

// Deliver says where spans go and how. Tenants will have it too.
//
// +kubebuilder:validation:XValidation:rule="!has(self.protocol) || self.protocol != 'otlp-http' || self.endpoint.split(',').all(e, e.trim().matches('^https?://'))",message="endpoint has to be a URL for otlp-http, like http://collector:4318"
// +kubebuilder:validation:XValidation:rule="(has(self.protocol) && self.protocol == 'otlp-http') || !self.endpoint.contains('://')",message="endpoint has to be host:port, like collector:4317; a URL is for protocol otlp-http"
type Deliver struct {
	// Endpoint is host:port, or a URL for otlp-http; or several, separated by
	// commas.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=1024
	Endpoint string `json:"endpoint"`
	// Protocol is otlp-grpc, otlp-http or jaeger-grpc.
	// +optional
	// +kubebuilder:validation:Enum=otlp-grpc;otlp-http;jaeger-grpc
	Protocol string `json:"protocol,omitempty"`
	// HeadersFrom names a Secret of which every key is a header's name and every
	// value its value. For a Sidecar it is in the pod's namespace, for a DaemonSet
	// in the TraceAgent's. Agents read it again when it changes.
	// +optional
	HeadersFrom *HeadersSource `json:"headersFrom,omitempty"`
	// AllowPlaintext lets headers be sent without TLS.
	// +optional
	AllowPlaintext bool `json:"allowPlaintext,omitempty"`
	// TLS is how the collector is known.
	// +optional
	TLS *TLS `json:"tls,omitempty"`
	// Compression is gzip, zstd or none.
	// +optional
	// +kubebuilder:validation:Enum=gzip;zstd;none
	Compression string `json:"compression,omitempty"`
	// Timeout of one request, as in "10s".
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	Timeout string `json:"timeout,omitempty"`
	// Batch says when one is sent.
	// +optional
	Batch *Batch `json:"batch,omitempty"`
}

// HeadersSource is where headers come from.
type HeadersSource struct {
	SecretRef SecretReference `json:"secretRef"`
}

// SecretReference names a Secret.
type SecretReference struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// TLS is how the collector is known.
type TLS struct {
	// Enabled sends by TLS; with otlp-http, https:// says it.
	// +optional
	Enabled bool `json:"enabled,omitempty"`
	// CAFrom says whose certificates are trusted; without it, the system's
	// authorities.
	// +optional
	CAFrom *CASource `json:"caFrom,omitempty"`
	// CertificateFrom names a Secret with tls.crt and tls.key, which are shown to a
	// collector that asks for a certificate. It is where the headers' Secret is.
	// Agents read it again when it changes.
	// +optional
	CertificateFrom *CertificateSource `json:"certificateFrom,omitempty"`
	// ServerName is what the certificate is for, if not the endpoint's host.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ServerName string `json:"serverName,omitempty"`
	// SkipVerify takes any certificate: for trying things out only.
	// +optional
	SkipVerify bool `json:"skipVerify,omitempty"`
}

// CASource is where authorities come from: the key ca.crt of a Secret or of a
// ConfigMap, which is where the headers' Secret is. Agents read it again when it
// changes.
//
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) != has(self.configMapRef)",message="name a Secret or a ConfigMap, one of them"
type CASource struct {
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// +optional
	ConfigMapRef *ConfigMapReference `json:"configMapRef,omitempty"`
}

// CertificateSource is where a certificate and its key come from.
type CertificateSource struct {
	SecretRef SecretReference `json:"secretRef"`
}

// ConfigMapReference names a ConfigMap.
type ConfigMapReference struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Batch says when one is sent.
type Batch struct {
	// Bytes is a size of at most 512KiB, uncompressed.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9]+(B|[KMG]iB|[kMG]B)$`
	Bytes string `json:"bytes,omitempty"`
	// Age of its oldest span, as in "1s".
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	Age string `json:"age,omitempty"`
}

// Accept says which ports agents listen on; 0 turns one off, and one that is not
// given is as the agent has it. They are on the pod's loopback for a Sidecar, on
// all of its addresses for a DaemonSet.
type Accept struct {
	// +optional
	Jaeger *AcceptJaeger `json:"jaeger,omitempty"`
	// +optional
	OTLP *AcceptOTLP `json:"otlp,omitempty"`
	// +optional
	Zipkin *AcceptZipkin `json:"zipkin,omitempty"`
}

// AcceptJaeger has the ports of Jaeger's clients.
type AcceptJaeger struct {
	// Compact is UDP, 6831.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	Compact *int32 `json:"compact,omitempty"`
	// Binary is UDP, 6832.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	Binary *int32 `json:"binary,omitempty"`
	// ZipkinCompact is UDP, off; usually 5775.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	ZipkinCompact *int32 `json:"zipkinCompact,omitempty"`
	// GRPC is off; usually 14250.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	GRPC *int32 `json:"grpc,omitempty"`
	// HTTP is off; usually 14268.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	HTTP *int32 `json:"http,omitempty"`
}

// AcceptOTLP has the ports of OpenTelemetry's SDKs.
type AcceptOTLP struct {
	// GRPC is 4317.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	GRPC *int32 `json:"grpc,omitempty"`
	// HTTP is 4318.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	HTTP *int32 `json:"http,omitempty"`
}

// AcceptZipkin has the port of Zipkin's clients.
type AcceptZipkin struct {
	// HTTP is off; usually 9411.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	HTTP *int32 `json:"http,omitempty"`
}

// Control says where tracers ask for their sampling strategy.
type Control struct {
	// HTTP is a port, 5778; 0 turns it off. It is where those of accept are.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	HTTP *int32 `json:"http,omitempty"`
}

// Admin says where agents tell how they are: status page, metrics, health.
type Admin struct {
	// HTTP is a port, 14271, on every address of the pod: what is there is without
	// secrets, and metrics are asked for from other pods.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	HTTP *int32 `json:"http,omitempty"`
	// Loopback keeps a Sidecar's to the pod itself.
	// +optional
	Loopback bool `json:"loopback,omitempty"`
}

// Buffer says what agents keep while the collector is away.
type Buffer struct {
	// Memory is a size such as 6MiB, as in the agent's configuration.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9]+(B|[KMG]iB|[kMG]B)$`
	Memory string `json:"memory,omitempty"`
	// MaxAge of a span, as in "24h".
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	MaxAge string `json:"maxAge,omitempty"`
	// Disk is a buffer in files. A DaemonSet always has it; a Sidecar if it is
	// given. They are in an emptyDir volume, unless hostPath is set.
	// +optional
	Disk *Disk `json:"disk,omitempty"`
}

// Disk is a buffer in files.
type Disk struct {
	// Size is what the files may take, as in 512MiB. The volume's limit is set to
	// a little more.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9]+(B|[KMG]iB|[kMG]B)$`
	Size string `json:"size,omitempty"`
	// Sync is interval, or always: a success reply means that spans are on disk.
	// +optional
	// +kubebuilder:validation:Enum=interval;always
	Sync string `json:"sync,omitempty"`
	// HostPath is a directory of the node, which outlives the pod. The agent's
	// user, 10001, has to be able to write to it, and the namespace must allow
	// hostPath volumes.
	// +optional
	// +kubebuilder:validation:Pattern=`^/.+`
	HostPath string `json:"hostPath,omitempty"`
}

// Sampling says where tracers' sampling strategies come from.
type Sampling struct {
	// Source is a URL, or a collector's host:port.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=1024
	Source string `json:"source"`
}

// DaemonSetOptions are what only that strategy has.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.hostNetwork) && self.hostNetwork && has(self.hostPort) && self.hostPort)",message="hostPort is of no use with hostNetwork: choose one"
type DaemonSetOptions struct {
	// HostNetwork runs agents in the node's network, which is advised for UDP
	// clients that send to status.hostIP. The namespace must allow it.
	// +optional
	HostNetwork bool `json:"hostNetwork,omitempty"`
	// HostPort opens the agents' ports on the node.
	// +optional
	HostPort bool `json:"hostPort,omitempty"`
	// TrafficDistribution PreferSameNode lets pods of a node without a ready
	// agent send to another node's; without it (internalTrafficPolicy: Local)
	// they get no answer meanwhile. It needs Kubernetes 1.34.
	// +optional
	// +kubebuilder:validation:Enum=PreferSameNode
	TrafficDistribution string `json:"trafficDistribution,omitempty"`
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
}

// Conditions of a TraceAgent.
const (
	// ConditionAccepted is whether the operator acts on it, and if not, why.
	ConditionAccepted = "Accepted"
	// ConditionReady is whether agents run as asked: for a DaemonSet, on every
	// node; for a Sidecar, that pods are being injected.
	ConditionReady = "Ready"
	// ConditionComplete is whether every pod that should send to these agents does.
	ConditionComplete = "Complete"
)

// TraceAgentStatus is what became of it.
type TraceAgentStatus struct {
	// ObservedGeneration is that of the spec which the rest is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Revision is that of pods injected now.
	// +optional
	Revision string `json:"revision,omitempty"`
	// Nodes counts agents of a DaemonSet.
	// +optional
	Nodes *NodeCounts `json:"nodes,omitempty"`
	// Pods counts those that send to these agents, or should.
	// +optional
	Pods PodCounts `json:"pods,omitempty"`
}

// NodeCounts counts agents of a DaemonSet.
type NodeCounts struct {
	Desired int32 `json:"desired"`
	Ready   int32 `json:"ready"`
	Updated int32 `json:"updated"`
}

// PodCounts counts pods.
type PodCounts struct {
	// Injected have what they should.
	Injected int32 `json:"injected"`
	// Missed should have been injected and were not: they started before the
	// TraceAgent, or while the operator was away. Restarting them mends it.
	Missed int32 `json:"missed"`
	// Outdated were injected with what an earlier spec said, or are no longer to
	// send here.
	Outdated int32 `json:"outdated"`
	// Refused can't be injected as they are; their annotation
	// wayside.dev/not-injected says why.
	Refused int32 `json:"refused"`
}

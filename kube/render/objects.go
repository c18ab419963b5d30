package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// ConfigMap is for the agents in a namespace: the TraceAgent's own, or that of pods
// which a Sidecar serves as the cluster's default. config is what Config returned.
func ConfigMap(ta *v1alpha1.TraceAgent, namespace string, config []byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: ConfigMapName(ta, namespace), Namespace: namespace, Labels: Labels(ta)},
		Data:       map[string]string{ConfigFile: string(config)},
	}
}

// ServiceAccount is the DaemonSet's. It has no rights, and its token is mounted
// nowhere.
func ServiceAccount(ta *v1alpha1.TraceAgent) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   metav1.ObjectMeta{Name: Name(ta), Namespace: ta.Namespace, Labels: Labels(ta)},
		AutomountServiceAccountToken: new(false),
	}
}

// Service leads pods to the agent of their own node.
func Service(ta *v1alpha1.TraceAgent) *corev1.Service {
	s := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: Name(ta), Namespace: ta.Namespace, Labels: Labels(ta)},
		Spec: corev1.ServiceSpec{
			Type:                  corev1.ServiceTypeClusterIP,
			Selector:              selector(ta),
			InternalTrafficPolicy: new(corev1.ServiceInternalTrafficPolicyLocal),
		},
	}
	if d := ta.Spec.DaemonSet; d != nil && d.TrafficDistribution != "" {
		s.Spec.InternalTrafficPolicy = new(corev1.ServiceInternalTrafficPolicyCluster)
		s.Spec.TrafficDistribution = new(d.TrafficDistribution)
	}
	for _, p := range Ports(ta) {
		if p.Name == AdminPort {
			continue // of each agent, not of any
		}
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: p.Name, Port: p.Number, TargetPort: intstr.FromString(p.Name), Protocol: p.Protocol})
	}
	return s
}

// leave is how long an agent of a DaemonSet goes on when its pod ends and the next
// one is there: until the kubelet has seen that it isn't ready, for which it looks
// twice, a second apart, and the nodes' kube-proxies have been told. With TCP the next
// one gets what is new from the moment that the pod ends; for UDP, kube-proxy forgets
// where packets of a client went only when that endpoint serves no more
// (pkg/proxy/conntrack/cleanup.go). It takes 3 s; a busy node may take longer.
const leave = 6 * time.Second

// stopDelay is for agents that somebody else takes over from: beside an app there is
// nobody, and where the node's ports are theirs, the next one waits for them.
func stopDelay(ta *v1alpha1.TraceAgent) time.Duration {
	if ta.Spec.Strategy == v1alpha1.DaemonSet && !onNode(ta) {
		return leave
	}
	return 0
}

// minGrace is in seconds, and Kubernetes' default.
const minGrace = 30

// DaemonSet is for strategy DaemonSet, with a ServiceAccount and a Service. All are
// in the TraceAgent's namespace, and have no owner.
func DaemonSet(ta *v1alpha1.TraceAgent, o Options) *appsv1.DaemonSet {
	ta = ta.DeepCopy() // lists of it become the DaemonSet's
	d := ta.Spec.DaemonSet
	if d == nil {
		d = new(v1alpha1.DaemonSetOptions)
	}
	c := Container(ta, o)
	c.Ports = containerPorts(ta, d)
	// An agent is ready when it takes spans where pods send them; that its collector
	// is away is nothing that another agent could mend. An agent that is slow keeps
	// its buffer: there is no liveness probe.
	c.ReadinessProbe = &corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromString(AdminPort), Scheme: corev1.URISchemeHTTP}},
		PeriodSeconds:    1, // leave counts on it
		TimeoutSeconds:   3,
		SuccessThreshold: 1,
		FailureThreshold: 2,
	}
	grace := int64((stopDelay(ta) + drainTimeout(ta) + 5*time.Second).Seconds() + 0.999)
	labels := Labels(ta)
	labels[v1alpha1.LabelInject] = v1alpha1.InjectFalse
	node := map[string]string{corev1.LabelOSStable: "linux"}
	maps.Copy(node, d.NodeSelector)
	pod := corev1.PodSpec{
		ServiceAccountName:            Name(ta),
		AutomountServiceAccountToken:  new(false),
		EnableServiceLinks:            new(false),
		Containers:                    []corev1.Container{c},
		Volumes:                       Volumes(ta, ta.Namespace),
		ImagePullSecrets:              ta.Spec.ImagePullSecrets,
		TerminationGracePeriodSeconds: new(max(grace, minGrace)),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		HostNetwork:       d.HostNetwork,
		NodeSelector:      node,
		Tolerations:       d.Tolerations,
		PriorityClassName: d.PriorityClassName,
	}
	if d.HostNetwork {
		pod.DNSPolicy = corev1.DNSClusterFirstWithHostNet // collectors are mostly Services
	}
	return &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Name: Name(ta), Namespace: ta.Namespace, Labels: Labels(ta)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector(ta)},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{AnnotationRestart: hash(restartOnly(ta))}},
				Spec:       pod,
			},
			UpdateStrategy: updateStrategy(ta),
		},
	}
}

// AnnotationRestart is on the pods of a DaemonSet: a hash of what their agents take
// up only when they start.
const AnnotationRestart = "wayside.dev/restart"

// updateStrategy makes a node's next agent before the last one ends, so that the
// Service always has one there; a tenth of the nodes at a time. Where agents have
// the node's ports, two can't be on one node: each node is without for a moment, one
// node at a time.
func updateStrategy(ta *v1alpha1.TraceAgent) appsv1.DaemonSetUpdateStrategy {
	r := &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.FromString("10%")), MaxUnavailable: new(intstr.FromInt32(0))}
	if onNode(ta) {
		r = &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.FromInt32(0)), MaxUnavailable: new(intstr.FromInt32(1))}
	}
	return appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: r}
}

func containerPorts(ta *v1alpha1.TraceAgent, d *v1alpha1.DaemonSetOptions) (list []corev1.ContainerPort) {
	for _, p := range Ports(ta) {
		c := corev1.ContainerPort{Name: p.Name, ContainerPort: p.Number, Protocol: p.Protocol}
		if d.HostNetwork || d.HostPort && p.Name != AdminPort {
			c.HostPort = p.Number
		}
		list = append(list, c)
	}
	return list
}

// drainTimeout is how long an agent that ends still delivers, the agent's default
// being 5s.
func drainTimeout(ta *v1alpha1.TraceAgent) time.Duration {
	if d, err := time.ParseDuration(ta.Spec.DrainTimeout); err == nil {
		return d
	}
	return 5 * time.Second
}

// Revision is a hash of what a pod gets that has been injected: if it changes, the
// pod has to be made anew to get the same as a new one. What agents reload by
// themselves is not in it.
func Revision(ta *v1alpha1.TraceAgent, o Options) string {
	env := Environment(ta, "namespace", "container")
	if ta.Spec.Strategy == v1alpha1.DaemonSet {
		return hash(env)
	}
	return hash([]any{env, Container(ta, o), Volumes(ta, ta.Namespace), ta.Spec.ImagePullSecrets, restartOnly(ta)})
}

// restartOnly is what an agent takes up only when it starts (docs/configuration.md,
// "Changing it").
func restartOnly(ta *v1alpha1.TraceAgent) any {
	f := fileOf(ta)
	return []any{f.Accept.Jaeger.SocketBuffer, f.Buffer.Disk, f.Control, f.Admin, f.Log}
}

func hash(of any) string {
	b, err := json.Marshal(of)
	if err != nil {
		panic(fmt.Sprintf("render: %v", err)) // plain data can be written
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:5])
}

package render

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// Options are what whoever runs agents adds to a TraceAgent.
type Options struct {
	// Image is for TraceAgents that name none.
	Image string
	// ImagePullPolicy is for TraceAgents that name none; "" is Kubernetes' default.
	ImagePullPolicy corev1.PullPolicy
}

// UID is the user of the agent's image, which is used where nothing else says
// whose process it is to be. Any other will do, but root is never needed.
const UID = 10001

// tokenDir is where Kubernetes mounts the service account's token, unless
// something else is mounted there.
const tokenDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// Names of volumes.
const (
	ConfigVolume  = "wayside-config"
	HeadersVolume = "wayside-headers"
	TLSVolume     = "wayside-tls"
	BufferVolume  = "wayside-buffer"
	NothingVolume = "wayside-nothing"
)

// Container is the agent's. For a Sidecar it is an init container that keeps
// running, in a pod that doesn't run as root.
func Container(ta *v1alpha1.TraceAgent, o Options) corev1.Container {
	c := corev1.Container{
		Name:            ContainerName,
		Image:           or(ta.Spec.Image, o.Image),
		ImagePullPolicy: or(ta.Spec.ImagePullPolicy, o.ImagePullPolicy),
		Args:            []string{"--config", ConfigDir + "/" + ConfigFile, "--degraded"},
		Resources:       resources(ta),
		// What the restricted Pod Security Standard asks for. runAsUser is left
		// open: OpenShift gives each namespace its own, and the image has UID.
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			ReadOnlyRootFilesystem:   new(true),
			RunAsNonRoot:             new(true),
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		// The account at the end (docs/operations.md).
		TerminationMessagePath:   corev1.TerminationMessagePathDefault,
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}
	for _, v := range variables {
		c.Env = append(c.Env, corev1.EnvVar{Name: v.name, ValueFrom: fieldRef(v.path)})
	}
	mount := func(volume, path string, readOnly bool) {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: path, ReadOnly: readOnly})
	}
	d := &ta.Spec.Deliver
	mount(ConfigVolume, ConfigDir, true)
	if d.HeadersFrom != nil {
		mount(HeadersVolume, HeadersDir, true)
	}
	if hasTLS(d) {
		mount(TLSVolume, TLSDir, true)
	}
	if disk(ta) != nil {
		mount(BufferVolume, BufferDir, false)
	}
	if ta.Spec.Strategy == v1alpha1.Sidecar {
		sidecar(ta, &c)
		mount(NothingVolume, tokenDir, true)
	}
	return c
}

// sidecar is what an agent has beside an app. It has no readiness probe, which
// would keep an app from its clients while its traces have a problem, and no
// liveness probe, which would take a buffer from an agent that is slow.
func sidecar(ta *v1alpha1.TraceAgent, c *corev1.Container) {
	c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	// Apps start when it has succeeded. --degraded makes it succeed whatever is
	// wrong with the configuration. An agent needs 50 ms, and five times that if
	// many start at once on a node.
	c.StartupProbe = &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{
			Command: []string{"/wayside-agent", "--ready", "--config", ConfigDir + "/" + ConfigFile},
		}},
		PeriodSeconds:    1,
		TimeoutSeconds:   2,
		SuccessThreshold: 1,
		FailureThreshold: 60,
	}
	// The other ports are on the loopbacks, and nobody else's business.
	if ta.Spec.Admin == nil || !ta.Spec.Admin.Loopback {
		c.Ports = []corev1.ContainerPort{{Name: AdminPort, ContainerPort: numbersOf(ta).admin, Protocol: corev1.ProtocolTCP}}
	}
}

// Volumes are what Container mounts, in a pod of that namespace. Nothing has to be
// there for a Sidecar's pod to start: what is missing comes when it is made.
func Volumes(ta *v1alpha1.TraceAgent, namespace string) (list []corev1.Volume) {
	sidecar := ta.Spec.Strategy == v1alpha1.Sidecar
	add := func(name string, s corev1.VolumeSource) {
		list = append(list, corev1.Volume{Name: name, VolumeSource: s})
	}
	cm := &corev1.ConfigMapVolumeSource{Optional: new(sidecar)}
	cm.Name = ConfigMapName(ta, namespace)
	add(ConfigVolume, corev1.VolumeSource{ConfigMap: cm})
	d := &ta.Spec.Deliver
	if d.HeadersFrom != nil {
		add(HeadersVolume, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: d.HeadersFrom.SecretRef.Name, Optional: new(true),
		}})
	}
	if hasTLS(d) {
		add(TLSVolume, corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: tlsSources(d.TLS)}})
	}
	if disk := disk(ta); disk != nil {
		add(BufferVolume, bufferSource(disk))
	}
	if sidecar {
		// Over the app's token for the API, which is none of the agent's business.
		// An emptyDir would do too, but keeps the cluster autoscaler from taking
		// nodes away.
		add(NothingVolume, corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{}})
	}
	return list
}

func hasTLS(d *v1alpha1.Deliver) bool {
	return d.TLS != nil && (d.TLS.CAFrom != nil || d.TLS.CertificateFrom != nil)
}

// tlsSources put the files of TLS in one directory, wherever they come from.
func tlsSources(t *v1alpha1.TLS) (list []corev1.VolumeProjection) {
	items := func(keys ...string) (list []corev1.KeyToPath) {
		for _, k := range keys {
			list = append(list, corev1.KeyToPath{Key: k, Path: k})
		}
		return list
	}
	secret := func(name string, keys ...string) corev1.VolumeProjection {
		p := &corev1.SecretProjection{Items: items(keys...), Optional: new(true)}
		p.Name = name
		return corev1.VolumeProjection{Secret: p}
	}
	if ca := t.CAFrom; ca != nil && ca.SecretRef != nil {
		list = append(list, secret(ca.SecretRef.Name, "ca.crt"))
	} else if ca != nil && ca.ConfigMapRef != nil {
		p := &corev1.ConfigMapProjection{Items: items("ca.crt"), Optional: new(true)}
		p.Name = ca.ConfigMapRef.Name
		list = append(list, corev1.VolumeProjection{ConfigMap: p})
	}
	if t.CertificateFrom != nil {
		list = append(list, secret(t.CertificateFrom.SecretRef.Name, "tls.crt", "tls.key"))
	}
	return list
}

func bufferSource(d *v1alpha1.Disk) corev1.VolumeSource {
	if d.HostPath != "" {
		return corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: d.HostPath, Type: new(corev1.HostPathDirectory)}}
	}
	// A pod that has more than the limit is evicted, so that there is room for what
	// the agent's own limit leaves out: a segment that is begun before an old one
	// is removed, directories, locks.
	limit := resource.NewQuantity(diskSize(d)*5/4+64<<20, resource.BinarySI)
	return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: limit}}
}

// diskSize is in bytes; the agent's default is 512MiB. A size that can't be read
// does not come so far (Config).
func diskSize(d *v1alpha1.Disk) int64 {
	if n, err := config.ParseSize(d.Size); err == nil {
		return n
	}
	return 512 << 20
}

// resources of an agent: each of CPU and memory has a request and a limit, so that
// quotas and autoscalers on CPU have what they ask for.
func resources(ta *v1alpha1.TraceAgent) corev1.ResourceRequirements {
	request := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("20Mi")}
	limit := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m"), corev1.ResourceMemory: resource.MustParse("20Mi")}
	if ta.Spec.Strategy == v1alpha1.DaemonSet {
		request[corev1.ResourceCPU], limit[corev1.ResourceCPU] = resource.MustParse("50m"), resource.MustParse("1")
		request[corev1.ResourceMemory], limit[corev1.ResourceMemory] = resource.MustParse("64Mi"), resource.MustParse("64Mi")
	}
	if ta.Spec.Resources == nil {
		return corev1.ResourceRequirements{Requests: request, Limits: limit}
	}
	r := *ta.Spec.Resources.DeepCopy()
	if r.Requests == nil {
		r.Requests = corev1.ResourceList{}
	}
	if r.Limits == nil {
		r.Limits = corev1.ResourceList{}
	}
	for name := range limit {
		req, asked := r.Requests[name]
		lim, limited := r.Limits[name]
		switch {
		case asked && !limited:
			r.Limits[name] = larger(req, limit[name])
		case limited && !asked:
			r.Requests[name] = smaller(lim, request[name])
		case !asked && !limited:
			r.Requests[name], r.Limits[name] = request[name], limit[name]
		}
	}
	return r
}

func larger(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

func smaller(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}

func fieldRef(path string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}
}

func or[T ~string](a, b T) T {
	if a != "" {
		return a
	}
	return b
}

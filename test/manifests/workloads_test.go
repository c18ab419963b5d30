package manifests

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A workload is whatever makes pods.
type workload struct {
	object
	selector *metav1.LabelSelector
	pod      *corev1.PodTemplateSpec
}

func workloads(r *rendered) (found []workload) {
	for _, o := range r.objects {
		switch o := o.(type) {
		case *appsv1.DaemonSet:
			found = append(found, workload{o, o.Spec.Selector, &o.Spec.Template})
		case *appsv1.Deployment:
			found = append(found, workload{o, o.Spec.Selector, &o.Spec.Template})
		case *appsv1.StatefulSet:
			found = append(found, workload{o, o.Spec.Selector, &o.Spec.Template})
		case *batchv1.Job:
			found = append(found, workload{o, o.Spec.Selector, &o.Spec.Template})
		case *batchv1.CronJob:
			found = append(found, workload{o, o.Spec.JobTemplate.Spec.Selector, &o.Spec.JobTemplate.Spec.Template})
		case *corev1.Pod:
			found = append(found, workload{o, nil, &corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}})
		}
	}
	return found
}

// containers are all of a pod, sidecars first.
func containers(spec *corev1.PodSpec) (found []corev1.Container) {
	return append(append(found, spec.InitContainers...), spec.Containers...)
}

// agentOf is the pod's agent; nil if it has none.
func agentOf(spec *corev1.PodSpec) *corev1.Container {
	for _, c := range containers(spec) {
		if c.Name == "wayside-agent" {
			return &c
		}
	}
	return nil
}

// portOf finds a container's port by its number or name.
func portOf(spec *corev1.PodSpec, want intstr.IntOrString, protocol corev1.Protocol) (corev1.ContainerPort, error) {
	if protocol == "" {
		protocol = corev1.ProtocolTCP
	}
	for _, c := range containers(spec) {
		for _, p := range c.Ports {
			if p.Protocol == "" {
				p.Protocol = corev1.ProtocolTCP
			}
			if p.Protocol == protocol && (want.Type == intstr.Int && p.ContainerPort == want.IntVal || want.Type == intstr.String && p.Name == want.StrVal) {
				return p, nil
			}
		}
	}
	return corev1.ContainerPort{}, fmt.Errorf("no container has port %s/%s", want.String(), protocol)
}

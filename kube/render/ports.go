package render

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// A Port is one that agents of a TraceAgent listen on.
type Port struct {
	Name     string // at most 15 characters, as Kubernetes has it
	Field    string // of the TraceAgent, by which it is changed
	Number   int32
	Protocol corev1.Protocol
}

// AdminPort is the name of the port with metrics, health and status page.
const AdminPort = "wayside-admin"

// numbers of ports as the agent has them; 0 is off.
type numbers struct {
	compact, binary, zipkinCompact, jaegerGRPC, jaegerHTTP int32
	otlpGRPC, otlpHTTP, zipkinHTTP, control, admin         int32
}

// numbersOf are those of a TraceAgent.
func numbersOf(ta *v1alpha1.TraceAgent) numbers {
	n := numbers{compact: 6831, binary: 6832, otlpGRPC: 4317, otlpHTTP: 4318, control: 5778, admin: 14271}
	set := func(to, from *int32) {
		if from != nil {
			*to = *from
		}
	}
	if a := ta.Spec.Accept; a != nil {
		if j := a.Jaeger; j != nil {
			set(&n.compact, j.Compact)
			set(&n.binary, j.Binary)
			set(&n.zipkinCompact, j.ZipkinCompact)
			set(&n.jaegerGRPC, j.GRPC)
			set(&n.jaegerHTTP, j.HTTP)
		}
		if a.OTLP != nil {
			set(&n.otlpGRPC, a.OTLP.GRPC)
			set(&n.otlpHTTP, a.OTLP.HTTP)
		}
		if a.Zipkin != nil {
			set(&n.zipkinHTTP, a.Zipkin.HTTP)
		}
	}
	if ta.Spec.Control != nil {
		set(&n.control, ta.Spec.Control.HTTP)
	}
	if ta.Spec.Admin != nil {
		set(&n.admin, ta.Spec.Admin.HTTP)
	}
	return n
}

// Ports are all that agents of a TraceAgent listen on, the admin port last.
func Ports(ta *v1alpha1.TraceAgent) (list []Port) {
	n := numbersOf(ta)
	for _, p := range []Port{
		{"jaeger-compact", "spec.accept.jaeger.compact", n.compact, corev1.ProtocolUDP},
		{"jaeger-binary", "spec.accept.jaeger.binary", n.binary, corev1.ProtocolUDP},
		{"zipkin-compact", "spec.accept.jaeger.zipkinCompact", n.zipkinCompact, corev1.ProtocolUDP},
		{"jaeger-grpc", "spec.accept.jaeger.grpc", n.jaegerGRPC, corev1.ProtocolTCP},
		{"jaeger-http", "spec.accept.jaeger.http", n.jaegerHTTP, corev1.ProtocolTCP},
		{"otlp-grpc", "spec.accept.otlp.grpc", n.otlpGRPC, corev1.ProtocolTCP},
		{"otlp-http", "spec.accept.otlp.http", n.otlpHTTP, corev1.ProtocolTCP},
		{"zipkin-http", "spec.accept.zipkin.http", n.zipkinHTTP, corev1.ProtocolTCP},
		{"jaeger-control", "spec.control.http", n.control, corev1.ProtocolTCP},
		{AdminPort, "spec.admin.http", n.admin, corev1.ProtocolTCP},
	} {
		if p.Number != 0 {
			list = append(list, p)
		}
	}
	return list
}

package manifests

import (
	"bufio"
	"bytes"
	"io"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kubernetes "k8s.io/client-go/kubernetes/scheme"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// scheme knows every kind that may be in a manifest; another one is a finding.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		kubernetes.AddToScheme, apiextensionsv1.AddToScheme, monitoringv1.AddToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(s); err != nil {
			panic(err) // two kinds of one name
		}
	}
	s.AddKnownTypes(schema.GroupVersion{Group: "security.openshift.io", Version: "v1"}, &SecurityContextConstraints{})
	return s
}()

// strict refuses fields that a type does not have, and fields that come twice: the
// API server ignores or warns of them, and what was meant does not happen.
var strict = json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})

// rendered is what a kustomization or a chart makes, in its order.
type rendered struct {
	from    string
	text    []byte
	objects []object

	// chart says that it is a chart's, whose namespace is made by whoever installs
	// it; privileged, that this one has to allow more than restricted.
	chart, privileged bool
}

type object interface {
	runtime.Object
	metav1.Object
}

func decode(t *testing.T, from string, text []byte) *rendered {
	t.Helper()
	r := &rendered{from: from, text: text}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if err == io.EOF {
			return r
		}
		if err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		if len(bytes.TrimSpace(document)) == 0 || bytes.Equal(bytes.TrimSpace(document), []byte("---")) {
			continue
		}
		decoded, _, err := strict.Decode(document, nil, nil)
		if err != nil {
			t.Errorf("%s: %v in\n%s", from, err, document)
			continue
		}
		r.objects = append(r.objects, decoded.(object))
	}
}

// all are the objects of one type, in their order.
func all[T object](r *rendered) (found []T) {
	for _, o := range r.objects {
		if typed, ok := o.(T); ok {
			found = append(found, typed)
		}
	}
	return found
}

func kindOf(o object) string { return o.GetObjectKind().GroupVersionKind().Kind }

func nameOf(o object) string {
	name := kindOf(o) + " " + o.GetName()
	if o.GetNamespace() != "" {
		name = kindOf(o) + " " + o.GetNamespace() + "/" + o.GetName()
	}
	return name
}

// SecurityContextConstraints are OpenShift's, whose module has no release that could
// be pinned. The fields are those of
// https://docs.redhat.com/en/documentation/openshift_container_platform/4.20/html/security_apis/securitycontextconstraints-security-openshift-io-v1
type SecurityContextConstraints struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Priority                 *int32   `json:"priority"`
	Users                    []string `json:"users"`
	Groups                   []string `json:"groups"`
	AllowHostPorts           bool     `json:"allowHostPorts"`
	AllowHostNetwork         bool     `json:"allowHostNetwork"`
	AllowHostDirVolumePlugin bool     `json:"allowHostDirVolumePlugin"`
	AllowHostIPC             bool     `json:"allowHostIPC"`
	AllowHostPID             bool     `json:"allowHostPID"`
	AllowPrivilegedContainer bool     `json:"allowPrivilegedContainer"`
	AllowPrivilegeEscalation *bool    `json:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool     `json:"readOnlyRootFilesystem"`
	AllowedCapabilities      []string `json:"allowedCapabilities"`
	DefaultAddCapabilities   []string `json:"defaultAddCapabilities"`
	RequiredDropCapabilities []string `json:"requiredDropCapabilities"`
	SeccompProfiles          []string `json:"seccompProfiles"`
	Volumes                  []string `json:"volumes"`
	RunAsUser                struct {
		Type string `json:"type"`
		UID  *int64 `json:"uid"`
	} `json:"runAsUser"`
	FSGroup struct {
		Type string `json:"type"`
	} `json:"fsGroup"`
	SupplementalGroups struct {
		Type string `json:"type"`
	} `json:"supplementalGroups"`
	SELinuxContext struct {
		Type string `json:"type"`
	} `json:"seLinuxContext"`
}

// DeepCopyObject is for the scheme, which asks for it and does not use it here.
func (s *SecurityContextConstraints) DeepCopyObject() runtime.Object { c := *s; return &c }

package explain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wayside-tracing/wayside/kube/apiserver"
)

// Subject is what is to be explained.
type Subject struct {
	Kind      string `json:"kind"` // "pod"
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String is as people call it: "pod shop/web-1", "namespace shop".
func (s Subject) String() string {
	if s.Namespace == "" {
		return s.Kind + " " + s.Name
	}
	return s.Kind + " " + s.Namespace + "/" + s.Name
}

// kinds are what can be explained, with kubectl's other names for them.
var kinds = []struct {
	names []string
	kind  apiserver.Kind
}{
	{[]string{"pod", "pods", "po"}, apiserver.Kind{Version: "v1", Resource: "pods"}},
	{[]string{"deployment", "deployments", "deploy"}, apiserver.Kind{Group: "apps", Version: "v1", Resource: "deployments"}},
	{[]string{"statefulset", "statefulsets", "sts"}, apiserver.Kind{Group: "apps", Version: "v1", Resource: "statefulsets"}},
	{[]string{"daemonset", "daemonsets", "ds"}, apiserver.Kind{Group: "apps", Version: "v1", Resource: "daemonsets"}},
	{[]string{"replicaset", "replicasets", "rs"}, apiserver.Kind{Group: "apps", Version: "v1", Resource: "replicasets"}},
	{[]string{"job", "jobs"}, apiserver.Kind{Group: "batch", Version: "v1", Resource: "jobs"}},
	{[]string{"cronjob", "cronjobs", "cj"}, apiserver.Kind{Group: "batch", Version: "v1", Resource: "cronjobs"}},
	{[]string{"namespace", "namespaces", "ns"}, apiserver.Kind{Version: "v1", Resource: "namespaces"}},
}

// Kinds are the names by which something can be asked about.
func Kinds() (list []string) {
	for _, k := range kinds {
		list = append(list, k.names[0])
	}
	return list
}

func kindOf(name string) apiserver.Kind {
	for _, k := range kinds {
		if k.names[0] == name {
			return k.kind
		}
	}
	panic("explain: no kind " + name)
}

// objectName is what names of objects are made of (RFC 1123).
var objectName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

// ParseSubject reads "pod/NAME", or NAME of a pod; names of kinds are kubectl's,
// short ones too. Who has the namespace separately gives it.
func ParseSubject(text, namespace string) (Subject, error) {
	kind, name, ok := strings.Cut(text, "/")
	if !ok {
		kind, name = "pod", text
	}
	full := ""
	for _, k := range kinds {
		if slices.Contains(k.names, strings.ToLower(kind)) {
			full = k.names[0]
		}
	}
	switch {
	case full == "":
		return Subject{}, fmt.Errorf("%q: there is no explaining a %s; there are %s", text, kind, strings.Join(Kinds(), ", "))
	case !objectName.MatchString(name):
		return Subject{}, fmt.Errorf("%q: %q is no name of a %s; write %s/NAME", text, name, full, full)
	case full == "namespace":
		return Subject{Kind: full, Name: name}, nil
	}
	return Subject{full, namespace, name}, nil
}

// within is the namespace whose pods the subject is about.
func (s Subject) within() string {
	if s.Kind == "namespace" {
		return s.Name
	}
	return s.Namespace
}

package apiserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kind is a sort of objects, by the name that is in paths and permissions.
type Kind struct {
	Group    string // "" is the core's
	Version  string
	Resource string // "pods"
}

// Ref is an object, or all of a Kind if Name is empty; in all namespaces, or in
// none, if Namespace is.
type Ref struct {
	Kind
	Namespace string
	Name      string
	// Sub is a subresource, such as "proxy", and Below what follows it in the path.
	Sub   string
	Below string
}

func (r Ref) path() string {
	var b strings.Builder
	if r.Group == "" {
		b.WriteString("/api/" + r.Version)
	} else {
		b.WriteString("/apis/" + r.Group + "/" + r.Version)
	}
	if r.Namespace != "" {
		b.WriteString("/namespaces/" + r.Namespace)
	}
	b.WriteString("/" + r.Resource)
	for _, part := range []string{r.Name, r.Sub, r.Below} {
		if part != "" {
			b.WriteString("/" + part)
		}
	}
	return b.String()
}

// Permission is what a person has to be given.
type Permission struct {
	Verb      string `json:"verb"`
	Group     string `json:"group,omitempty"`
	Resource  string `json:"resource"` // with its subresource
	Namespace string `json:"namespace,omitempty"`
}

// String is as people say it: "get pods/proxy in namespace shop".
func (p Permission) String() string {
	s := p.Verb + " " + p.Resource
	if p.Group != "" {
		s += "." + p.Group
	}
	if p.Namespace == "" {
		return s + " in the whole cluster"
	}
	return s + " in namespace " + p.Namespace
}

func (r Ref) permission() Permission {
	p := Permission{"get", r.Group, r.Resource, r.Namespace}
	switch {
	case r.Sub == "portforward":
		p.Verb = "create"
	case r.Name == "":
		p.Verb = "list"
	}
	if r.Sub != "" {
		p.Resource += "/" + r.Sub
	}
	return p
}

// String is as kubectl has it: "pods/web-1".
func (r Ref) String() string {
	s := r.Resource
	if r.Name != "" {
		s += "/" + r.Name
	}
	if r.Namespace != "" {
		s += " in namespace " + r.Namespace
	}
	return s
}

// Error is what the API server said instead of what was asked for.
type Error struct {
	Ref     Ref
	Code    int // of HTTP
	Message string
	// Reason is the API server's own, in one word; for an answer that somebody
	// behind it gave, as by proxy, it is empty.
	Reason metav1.StatusReason
}

func refusal(r Ref, code int, body []byte) *Error {
	e := &Error{Ref: r, Code: code}
	var s metav1.Status
	if json.Unmarshal(body, &s) == nil && s.Kind == "Status" {
		e.Message, e.Reason = s.Message, s.Reason
	} else {
		e.Message = strings.TrimSpace(string(body[:min(len(body), 200)]))
	}
	return e
}

func (e *Error) Error() string {
	switch {
	case e.Forbidden():
		return "you may not " + e.Permission().String()
	case e.Code == http.StatusUnauthorized:
		return "the API server does not know you: the kubeconfig's credentials have expired, or are for another cluster"
	case e.Missing():
		return "there is no " + e.Ref.String()
	}
	return fmt.Sprintf("%s: %s (HTTP %d)", e.Ref, strings.TrimSuffix(e.Message, "."), e.Code)
}

// Forbidden says that a permission is missing, which Permission names.
func (e *Error) Forbidden() bool { return e.Code == http.StatusForbidden }

// Permission is what it would have taken.
func (e *Error) Permission() Permission { return e.Ref.permission() }

// Missing says that there is no such object, or that the cluster does not know
// such objects.
func (e *Error) Missing() bool { return e.Code == http.StatusNotFound }

// Forbidden returns the permission that is missing, if that is what err says.
func Forbidden(err error) (Permission, bool) {
	if e, ok := errors.AsType[*Error](err); ok && e.Forbidden() {
		return e.Permission(), true
	}
	return Permission{}, false
}

// Missing reports whether err says that there is no such thing.
func Missing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Missing()
}

// Package fake is an API server for tests: it has the objects that it is given,
// and answers GET. It refuses what it is told to refuse.
package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Server is an http.Handler. Fields are not changed while it serves.
type Server struct {
	Objects []Object
	// Forbid has permissions in words, as package apiserver writes them: "get
	// pods/proxy in namespace shop".
	Forbid []string
	// Unknown are resources that the cluster does not have, by their plural.
	Unknown []string
	// Pods are what pods answer through the proxy: "shop/web-1:14271/status" → body.
	Pods map[string]string
	// Version is "1.36" where it is empty.
	Version string
}

// Object is one, as JSON has it.
type Object map[string]any

// Read reads objects out of YAML documents.
func Read(r io.Reader) (list []Object, err error) {
	d := yaml.NewYAMLOrJSONDecoder(r, 4096)
	for {
		var o Object
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, err
		case len(o) > 0:
			list = append(list, o)
		}
	}
}

// Text is a field of an object, "" if there is none: o.Text("metadata", "name").
func (o Object) Text(path ...string) string {
	var v any = map[string]any(o)
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	s, _ := v.(string)
	return s
}

func (o Object) labels() labels.Set {
	set := labels.Set{}
	m, _ := o["metadata"].(map[string]any)
	l, _ := m["labels"].(map[string]any)
	for k, v := range l {
		set[k] = fmt.Sprint(v)
	}
	return set
}

// request is what a path asks for.
type request struct{ group, version, namespace, resource, name, sub, below string }

func parse(path string) (r request, ok bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		r.version, parts = parts[1], parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		r.group, r.version, parts = parts[1], parts[2], parts[3:]
	default:
		return r, false
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		r.namespace, parts = parts[1], parts[2:]
	}
	for _, to := range []*string{&r.resource, &r.name, &r.sub} {
		if len(parts) > 0 {
			*to, parts = parts[0], parts[1:]
		}
	}
	r.below = strings.Join(parts, "/")
	return r, true
}

func (r request) permission() string {
	verb, resource := "get", r.resource
	switch {
	case r.sub == "portforward":
		verb = "create"
	case r.name == "":
		verb = "list"
	}
	if r.sub != "" {
		resource += "/" + r.sub
	}
	if r.group != "" {
		resource += "." + r.group
	}
	if r.namespace == "" {
		return verb + " " + resource + " in the whole cluster"
	}
	return verb + " " + resource + " in namespace " + r.namespace
}

func (s *Server) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path == "/version" {
		version := s.Version
		if version == "" {
			version = "1.36"
		}
		major, minor, _ := strings.Cut(version, ".")
		answer(w, 200, map[string]any{"major": major, "minor": minor})
		return
	}
	r, ok := parse(q.URL.Path)
	switch {
	case !ok:
		status(w, 404, "NotFound", "no such path")
	case slices.Contains(s.Forbid, r.permission()):
		status(w, 403, "Forbidden", r.resource+` is forbidden: User "somebody" cannot `+r.permission())
	case slices.Contains(s.Unknown, r.resource):
		http.Error(w, "404 page not found", 404)
	case r.sub == "proxy":
		s.proxy(w, r)
	case r.sub != "":
		status(w, 500, "InternalError", "error dialing backend")
	case q.Method != http.MethodGet:
		status(w, 405, "MethodNotAllowed", "this only reads")
	default:
		s.objects(w, q, r)
	}
}

func (s *Server) proxy(w http.ResponseWriter, r request) {
	body, ok := s.Pods[r.namespace+"/"+r.name+"/"+r.below]
	if !ok {
		status(w, 503, "ServiceUnavailable", "error trying to reach service: connection refused")
		return
	}
	_, _ = io.WriteString(w, body) // the client went away
}

func (s *Server) objects(w http.ResponseWriter, q *http.Request, r request) {
	selector, err := labels.Parse(q.URL.Query().Get("labelSelector"))
	if err != nil {
		status(w, 400, "BadRequest", err.Error())
		return
	}
	node, onNode := strings.CutPrefix(q.URL.Query().Get("fieldSelector"), "spec.nodeName=")
	items := []Object{}
	for _, o := range s.Objects {
		if !r.matches(o) || !selector.Matches(o.labels()) || onNode && o.Text("spec", "nodeName") != node {
			continue
		}
		if r.name != "" {
			answer(w, 200, o)
			return
		}
		items = append(items, o)
	}
	if r.name != "" {
		status(w, 404, "NotFound", "not found")
		return
	}
	answer(w, 200, map[string]any{"metadata": map[string]any{}, "items": items})
}

func (r request) matches(o Object) bool {
	apiVersion := r.version
	if r.group != "" {
		apiVersion = r.group + "/" + r.version
	}
	return o.Text("apiVersion") == apiVersion && strings.ToLower(o.Text("kind"))+"s" == r.resource &&
		(r.namespace == "" || o.Text("metadata", "namespace") == r.namespace) &&
		(r.name == "" || o.Text("metadata", "name") == r.name)
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client went away
}

func status(w http.ResponseWriter, code int, reason, message string) {
	answer(w, code, map[string]any{"kind": "Status", "apiVersion": "v1", "reason": reason, "message": message, "code": code})
}

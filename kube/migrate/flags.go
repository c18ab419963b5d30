package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/agent/config/jaegerflags"
)

// agentFlags is what a container of the Jaeger Agent was told.
type agentFlags struct {
	flags map[string]string
	// env is the container's own; what comes from a field of the pod is a mark,
	// see fieldMark.
	env map[string]string
	// hidden are variables whose value is in a Secret, a ConfigMap or a resource.
	hidden []string
	files  func(name string) ([]byte, error)
}

// Marks stand for what is only known in a pod, until it is known where they end
// up: they can't be in a flag.
const (
	fieldMark  = "\x01" // around the name of a variable that TraceAgents know
	hiddenMark = "\x02" // around the name of one that nobody here can know
)

// fields of pods that can be had in a TraceAgent's tags, endpoint and source of
// sampling.
var fields = map[string]string{
	"metadata.name": "POD_NAME", "metadata.namespace": "POD_NAMESPACE", "metadata.uid": "POD_UID",
	"status.podIP": "POD_IP", "spec.nodeName": "NODE_NAME", "status.hostIP": "HOST_IP",
}

// readContainer reads the arguments and the environment of a container.
func readContainer(c *corev1.Container, w *Workload, configMaps []*corev1.ConfigMap) (agentFlags, []string) {
	a := agentFlags{flags: map[string]string{}, env: map[string]string{}, files: mounted(c, w, configMaps)}
	for _, e := range c.Env {
		switch {
		case e.ValueFrom == nil:
			a.env[e.Name] = a.expand(e.Value)
		case e.ValueFrom.FieldRef != nil && fields[e.ValueFrom.FieldRef.FieldPath] != "":
			a.env[e.Name] = fieldMark + fields[e.ValueFrom.FieldRef.FieldPath] + fieldMark
		default:
			a.hidden = append(a.hidden, e.Name)
			a.env[e.Name] = hiddenMark + e.Name + hiddenMark
		}
	}
	args := slices.Concat(c.Command, c.Args)
	if len(c.Command) > 0 {
		args = args[1:]
	}
	var lost []string
	if len(c.EnvFrom) > 0 {
		lost = append(lost, fmt.Sprintf("container %s takes variables from elsewhere (envFrom), which were not looked at", c.Name))
	}
	return a, append(lost, a.parse(args)...)
}

// parse reads a command line: --name=value, --name value, and --name of what is
// true or false.
func (a *agentFlags) parse(args []string) (lost []string) {
	for len(args) > 0 {
		arg := a.expand(args[0])
		args = args[1:]
		name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		var known *jaegerflags.Flag
		for f := range jaegerflags.Flags {
			if f.Name == name {
				known = &f
			}
		}
		switch {
		case !strings.HasPrefix(arg, "-") || known == nil:
			lost = append(lost, fmt.Sprintf("%s: it is no flag of the Jaeger Agent 1.62", arg))
			continue
		case given:
		case known.Bool:
			value = "true"
		case len(args) > 0:
			value, args = a.expand(args[0]), args[1:]
		}
		a.flags[name] = value
	}
	return lost
}

var reference = regexp.MustCompile(`\$\$|\$\(([^)]+)\)`)

// expand follows $(NAME), as Kubernetes does in arguments: $$ is $, and what does
// not exist stays as it is.
func (a *agentFlags) expand(s string) string {
	return reference.ReplaceAllStringFunc(s, func(m string) string {
		if m == "$$" {
			return "$"
		}
		if v, ok := a.env[m[2:len(m)-1]]; ok {
			return v
		}
		return m
	})
}

// host is the machine as the container sees it.
func (a *agentFlags) host() jaegerflags.Host {
	return jaegerflags.Host{
		Getenv:   func(name string) string { return a.env[name] },
		ReadFile: a.files,
	}
}

// mounted reads a container's files out of ConfigMaps.
func mounted(c *corev1.Container, w *Workload, configMaps []*corev1.ConfigMap) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		v, key := volumeOf(c, &w.template().Spec, name)
		if v == nil || v.ConfigMap == nil {
			return nil, errors.New("it is in no ConfigMap")
		}
		for _, cm := range configMaps {
			if text, ok := cm.Data[key]; ok && cm.Name == v.ConfigMap.Name && cm.Namespace == w.Namespace {
				return []byte(text), nil
			}
		}
		return nil, fmt.Errorf("ConfigMap %s: %w", v.ConfigMap.Name, fs.ErrNotExist)
	}
}

// volumeOf is the volume that a file of a container is in, and the file's key if it
// is in a Secret or a ConfigMap.
func volumeOf(c *corev1.Container, spec *corev1.PodSpec, name string) (v *corev1.Volume, key string) {
	for _, m := range c.VolumeMounts {
		rest, ok := strings.CutPrefix(path.Clean(name), path.Clean(m.MountPath))
		switch {
		case !ok || rest != "" && rest[0] != '/':
			continue
		case m.SubPath != "":
			rest = path.Join(m.SubPath, rest)
		}
		rest = strings.TrimPrefix(rest, "/")
		i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 {
			continue
		}
		v = &spec.Volumes[i]
		var items []corev1.KeyToPath
		switch {
		case v.Secret != nil:
			items = v.Secret.Items
		case v.ConfigMap != nil:
			items = v.ConfigMap.Items
		}
		for _, it := range items {
			if it.Path == rest {
				return v, it.Key
			}
		}
		return v, rest
	}
	return nil, ""
}

// flatten makes flags of the options of a Jaeger object, nested at the dots or
// not.
func flatten(prefix string, options map[string]any, to map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(options)) {
		name := prefix + k
		if below, ok := options[k].(map[string]any); ok {
			flatten(name+".", below, to)
			continue
		}
		to[name] = fmt.Sprint(options[k])
	}
}

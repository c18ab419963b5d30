package manifests

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// program is the agent, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wayside-manifests")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "wayside-agent")
	build := exec.Command("go", "build", "-o", file, "./cmd/wayside-agent")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if file, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(status)
}

// checkConfigurations asks the agent itself (--check) about what each container of
// it would find in its files, and holds its ports against the effective answer.
func checkConfigurations(t *testing.T, r *rendered) {
	t.Helper()
	for _, w := range workloads(r) {
		agent := agentOf(&w.pod.Spec)
		if agent == nil {
			continue
		}
		effective, err := effectiveConfig(t.TempDir(), r, w, agent)
		if err != nil {
			t.Errorf("%s: %s: %v", r.from, nameOf(w), err)
			continue
		}
		for _, finding := range checkPorts(w, agent, effective) {
			t.Errorf("%s: %s: %s", r.from, nameOf(w), finding)
		}
	}
}

// effectiveConfig lays out under root what the container would have mounted.
func effectiveConfig(root string, r *rendered, w workload, agent *corev1.Container) (map[string]any, error) {
	var mounted []string // each path, and where it is
	for _, m := range agent.VolumeMounts {
		dir := filepath.Join(root, m.MountPath)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		mounted = append(mounted, m.MountPath, dir)
		for _, v := range w.pod.Spec.Volumes {
			if v.Name != m.Name || v.ConfigMap == nil {
				continue
			}
			for _, cm := range all[*corev1.ConfigMap](r) {
				if cm.Name != v.ConfigMap.Name || cm.Namespace != w.GetNamespace() {
					continue
				}
				for key, content := range cm.Data {
					if err := os.WriteFile(filepath.Join(dir, key), []byte(content), 0o644); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	// The configuration names paths as the container has them.
	relocate := strings.NewReplacer(mounted...)
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(relocate.Replace(string(content))), 0o644)
	})
	if err != nil {
		return nil, err
	}

	file, err := program()
	if err != nil {
		return nil, err
	}
	args := []string{"--check"}
	for _, arg := range agent.Args {
		args = append(args, relocate.Replace(arg))
	}
	check := exec.Command(file, args...)
	for _, e := range agent.Env {
		value := e.Value
		if e.ValueFrom != nil {
			value = "downward"
		}
		check.Env = append(check.Env, e.Name+"="+value)
	}
	var out, complaint bytes.Buffer
	check.Stdout, check.Stderr = &out, &complaint
	if err := check.Run(); err != nil {
		return nil, fmt.Errorf("wayside-agent %s: %w: %s", strings.Join(args, " "), err, complaint.String())
	}
	var effective map[string]any
	return effective, yaml.Unmarshal(out.Bytes(), &effective)
}

// udp are the listeners for datagrams.
var udp = map[string]bool{"accept.jaeger.compact": true, "accept.jaeger.binary": true, "accept.jaeger.zipkin_compact": true}

// checkPorts says which listeners no port of the container is for, and which ports
// have no listener. A sidecar's listeners on loopback are its pod's alone.
func checkPorts(w workload, agent *corev1.Container, effective map[string]any) (findings []string) {
	listening := map[string]bool{}
	each(effective, "", func(key, address string) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || !strings.HasPrefix(key, "accept.") && key != "control.http" && key != "admin.http" {
			return
		}
		protocol := corev1.ProtocolTCP
		if udp[key] {
			protocol = corev1.ProtocolUDP
		}
		if host == "127.0.0.1" || host == "::1" || host == "localhost" {
			return
		}
		listening[port+"/"+string(protocol)] = true
		if _, err := portOf(&corev1.PodSpec{Containers: []corev1.Container{*agent}}, intstr.Parse(port), protocol); err != nil {
			findings = append(findings, key+": "+err.Error())
		}
	})
	for _, p := range agent.Ports {
		protocol := p.Protocol
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		if !listening[fmt.Sprintf("%d/%s", p.ContainerPort, protocol)] {
			findings = append(findings, fmt.Sprintf("port %s is open, and nobody listens there", p.Name))
		}
	}
	return findings
}

var addresses = regexp.MustCompile(`[,\s]+`)

// each visits the strings of an effective configuration, lists one by one.
func each(value any, key string, visit func(key, value string)) {
	switch value := value.(type) {
	case map[string]any:
		for k, v := range value {
			each(v, strings.TrimPrefix(key+"."+k, "."), visit)
		}
	case []any:
		for _, v := range value {
			each(v, key, visit)
		}
	case string:
		for _, s := range addresses.Split(value, -1) {
			visit(key, s)
		}
	}
}

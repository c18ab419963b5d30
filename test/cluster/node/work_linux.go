package node

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/template"

	"golang.org/x/sys/unix"

	"github.com/wayside-tracing/wayside/test/cluster/apiserver"
)

//go:embed files
var files embed.FS

// worker starts what runs in a node.
type worker struct {
	plan  Plan
	n     int
	ended chan error
}

// RunWork starts all of a node and returns when one of its parts has ended.
func RunWork(ctx context.Context, p Plan, n int) error {
	w := &worker{plan: p, n: n, ended: make(chan error, 16)}
	if err := errors.Join(mounts(p, n), makeGroups(n), unix.Sethostname([]byte(Name(n)))); err != nil {
		return err
	}
	if err := network(p, n); err != nil {
		return err
	}
	if err := w.configure(); err != nil {
		return err
	}
	if n == 1 {
		if err := w.others(); err != nil {
			return err
		}
		server, err := apiserver.Start(ctx, apiserver.Options{
			Folder: filepath.Join(p.Folder, "log"), Etcd: filepath.Join(p.Etcd, "etcd"), Server: filepath.Join(p.Kubernetes, "kube-apiserver"),
			Bind: "0.0.0.0", Advertise: IP(1), Port: Port, EtcdPort: 2379, Certs: p.Certs(),
			MoreFlags: p.APIFlags,
		})
		if err != nil {
			return err
		}
		if err := w.control(); err != nil {
			return err
		}
		return errors.Join(w.pods(), first(server.Ended(), w.ended))
	}
	return errors.Join(w.pods(), first(nil, w.ended))
}

func first(a, b <-chan error) error {
	select {
	case err := <-a:
		return err
	case err := <-b:
		return err
	}
}

// others starts the other nodes, each with this one as its parent.
func (w *worker) others() error {
	for n := 2; n <= w.plan.Nodes; n++ {
		c := command(w.plan, n)
		if err := apiserver.Run(c, w.plan.Log(n, "init"), w.ended); err != nil {
			return fmt.Errorf("node: %w", err)
		}
		if err := os.WriteFile(w.plan.PIDFile(n), []byte(strconv.Itoa(c.Process.Pid)), 0o644); err != nil {
			return fmt.Errorf("node: %w", err)
		}
		if err := plug(n, c.Process.Pid); err != nil {
			return err
		}
	}
	return nil
}

// control starts what only the first node has.
func (w *worker) control() error {
	kubeconfig := func(user string) string { return filepath.Join(w.plan.Certs(), user+".kubeconfig") }
	quick := []string{"--kube-api-qps", "1000", "--kube-api-burst", "2000", "--leader-elect=false", "--bind-address", "127.0.0.1", "--v", "1"}
	as := func(user string) []string {
		return append([]string{"--kubeconfig", kubeconfig(user), "--authentication-kubeconfig", kubeconfig(user), "--authorization-kubeconfig", kubeconfig(user)}, quick...)
	}
	return errors.Join(
		w.start("kube-controller-manager", append(as("manager"),
			"--service-account-private-key-file", filepath.Join(w.plan.Certs(), "sa.key"), "--root-ca-file", filepath.Join(w.plan.Certs(), "ca.crt"),
			"--use-service-account-credentials", "--flex-volume-plugin-dir", "/run/flexvolume")...),
		w.start("kube-scheduler", as("scheduler")...),
		w.start(filepath.Join(w.plan.DNS, "coredns"), "-conf", filepath.Join(w.plan.Own(1), "Corefile")),
	)
}

// pods starts what runs pods, with the images that are there from the start.
func (w *worker) pods() error {
	own := w.plan.Own(w.n)
	if err := w.start("containerd", "-c", filepath.Join(own, "containerd.toml")); err != nil {
		return err
	}
	if err := await("containerd", func() bool { return exec.Command("ctr", "version").Run() == nil }); err != nil {
		return err
	}
	for _, image := range w.plan.Images {
		if out, err := exec.Command("ctr", "-n", "k8s.io", "images", "import", image).CombinedOutput(); err != nil {
			return fmt.Errorf("node: image %s: %w: %s", image, err, out)
		}
	}
	name := Name(w.n)
	return errors.Join(
		w.start("kubelet", "--config", filepath.Join(own, "kubelet.yaml"), "--kubeconfig", filepath.Join(w.plan.Certs(), "kubelet-"+name+".kubeconfig"),
			"--hostname-override", name, "--node-ip", IP(w.n), "--root-dir", "/var/lib/kubelet", "--v", "2"),
		w.start("kube-proxy", "--config", filepath.Join(own, "proxy.yaml"), "--v", "2"),
	)
}

func (w *worker) start(program string, args ...string) error {
	return apiserver.Run(exec.Command(program, args...), w.plan.Log(w.n, filepath.Base(program)), w.ended)
}

// configure writes the programs' configurations.
func (w *worker) configure() error {
	own := w.plan.Own(w.n)
	values := map[string]string{
		"Own": own, "Certs": w.plan.Certs(), "Name": Name(w.n), "IP": IP(w.n), "Group": Group(w.n), "Pods": pods(w.n), "DNS": IP(1),
	}
	all := template.Must(template.ParseFS(files, "files/*"))
	for name, to := range map[string]string{
		"cni.conflist": "cni/10-test.conflist", "containerd.toml": "containerd.toml", "kubelet.yaml": "kubelet.yaml",
		"proxy.yaml": "proxy.yaml", "Corefile": "Corefile",
	} {
		var b bytes.Buffer
		if err := all.ExecuteTemplate(&b, name, values); err != nil {
			return fmt.Errorf("node: %w", err)
		}
		path := filepath.Join(own, to)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	return nil
}

//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/wayside-tracing/wayside/test/cluster/apiserver"
	"github.com/wayside-tracing/wayside/test/cluster/certs"
	"github.com/wayside-tracing/wayside/test/cluster/programs"
)

// FastOptions say which API server to start.
type FastOptions struct {
	Oldest      bool     // the oldest Kubernetes that Wayside is for, not the newest
	Controllers bool     // with a controller manager and a scheduler, of the newest
	Flags       []string // more of the API server's
}

// Fast is an API server alone, on this machine's loopback.
type Fast struct {
	Kubeconfig string // for an administrator
	Kubectl    string // program
	server     *apiserver.Server
	others     []*exec.Cmd
}

// StartFast starts an API server with its etcd, and returns when it is ready.
// What it writes is in a folder, its logs among it. It ends with this process.
func StartFast(ctx context.Context, folder string, o FastOptions) (*Fast, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	built, err := programs.Build(ctx, root, programs.Etcd, programs.Kubernetes)
	if err != nil {
		return nil, err
	}
	serverFolder := built[1]
	if o.Oldest {
		oldest, err := programs.Build(ctx, root, programs.Oldest)
		if err != nil {
			return nil, err
		}
		serverFolder = oldest[0]
	}
	port, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	a, err := certs.New(filepath.Join(folder, "certs"))
	if err != nil {
		return nil, err
	}
	if err := apiserver.Certificates(a, port); err != nil {
		return nil, err
	}
	server, err := apiserver.Start(ctx, apiserver.Options{
		Folder: folder, Etcd: filepath.Join(built[0], "etcd"), Server: filepath.Join(serverFolder, "kube-apiserver"),
		Bind: "127.0.0.1", Port: port, EtcdPort: port + 1, Certs: filepath.Join(folder, "certs"), MoreFlags: o.Flags,
	})
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(folder, "kube-apiserver.log"))
		return nil, fmt.Errorf("%w\n%s", err, log[max(0, len(log)-2000):])
	}
	f := &Fast{Kubeconfig: server.Kubeconfig, Kubectl: filepath.Join(built[1], "kubectl"), server: server}
	if o.Controllers {
		if err := f.controllers(folder, built[1]); err != nil {
			f.Stop()
			return nil, err
		}
	}
	return f, nil
}

func (f *Fast) controllers(folder, programs string) error {
	as := []string{
		"--kubeconfig", f.Kubeconfig, "--authentication-kubeconfig", f.Kubeconfig, "--authorization-kubeconfig", f.Kubeconfig,
		"--secure-port", "0", "--leader-elect=false", "--kube-api-qps", "1000", "--kube-api-burst", "2000", "--v", "1",
	}
	cert := func(file string) string { return filepath.Join(folder, "certs", file) }
	manager := exec.Command(filepath.Join(programs, "kube-controller-manager"), append(as,
		"--service-account-private-key-file", cert("sa.key"), "--root-ca-file", cert("ca.crt"),
		"--use-service-account-credentials", "--flex-volume-plugin-dir", filepath.Join(folder, "flexvolume"))...)
	scheduler := exec.Command(filepath.Join(programs, "kube-scheduler"), as...)
	f.others = []*exec.Cmd{manager, scheduler}
	ended := make(chan error, 2)
	return errors.Join(
		apiserver.Run(manager, filepath.Join(folder, "kube-controller-manager.log"), ended),
		apiserver.Run(scheduler, filepath.Join(folder, "kube-scheduler.log"), ended),
	)
}

// Stop ends it.
func (f *Fast) Stop() {
	for _, c := range f.others {
		if c.Process != nil {
			_ = c.Process.Kill() // it may have ended
		}
	}
	f.server.Stop()
}

// freePorts finds so many ports of the loopback in a row that nobody has now.
func freePorts(n int) (int, error) {
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("cluster: %w", err)
		}
		first := l.Addr().(*net.TCPAddr).Port
		l.Close()
		free := true
		for port := first; port < first+n && free; port++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if free = err == nil; free {
				l.Close()
			}
		}
		if free {
			return first, nil
		}
	}
	return 0, fmt.Errorf("cluster: no %d free ports in a row", n)
}

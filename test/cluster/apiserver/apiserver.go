// Package apiserver runs a Kubernetes API server on an etcd of its own: for a
// cluster's first node, or alone on this machine's loopback, where it is ready
// after some seconds and needs no root.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/test/cluster/certs"
)

// patience is how long a server has to become ready. On two busy cores it takes 10 s.
const patience = 3 * time.Minute

// Services is the range of Services' addresses, ServicesFirst its first one,
// which is the API server's own.
const (
	Services      = "10.96.0.0/16"
	ServicesFirst = "10.96.0.1"
)

// Options say what to run, and where.
type Options struct {
	Folder     string // for data and logs
	Etcd       string // program
	Server     string // program kube-apiserver
	Bind       string // address
	Advertise  string // address that the Service "kubernetes" leads to; "" for none
	Port       int
	EtcdPort   int // and the one after it
	Certs      string // folder that Certificates has written to
	MoreFlags  []string
}

// Admin is the user of whom Certificates makes a kubeconfig.
const Admin = "admin"

// Certificates makes what an API server and its administrator need. hosts are
// names and addresses that it is called by, beside those of this machine and of
// its Service.
func Certificates(a *certs.Authority, port int, hosts ...string) error {
	hosts = append([]string{"localhost", "127.0.0.1", ServicesFirst, "kubernetes", "kubernetes.default", "kubernetes.default.svc"}, hosts...)
	return errors.Join(
		a.Issue("apiserver", "kube-apiserver", "", hosts...),
		a.Issue("apiserver-kubelet", "apiserver-kubelet", "system:masters"),
		a.Kubeconfig(Admin, "admin", "system:masters", url(port)),
	)
}

func url(port int) string { return fmt.Sprintf("https://127.0.0.1:%d", port) }

// Server is both programs.
type Server struct {
	Kubeconfig string // of an administrator
	etcd, api  *exec.Cmd
	ended      chan error
}

// Start starts both, and returns when the API server is ready.
func Start(ctx context.Context, o Options) (*Server, error) {
	cert := func(file string) string { return filepath.Join(o.Certs, file) }
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", o.EtcdPort), fmt.Sprintf("http://127.0.0.1:%d", o.EtcdPort+1)
	s := &Server{Kubeconfig: cert(Admin + ".kubeconfig"), ended: make(chan error, 2)}
	s.etcd = exec.Command(o.Etcd, "--data-dir", filepath.Join(o.Folder, "etcd"), "--log-level", "warn",
		"--unsafe-no-fsync", // nobody needs it after a crash
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	args := []string{
		"--etcd-servers", client, "--bind-address", o.Bind, "--secure-port", strconv.Itoa(o.Port),
		"--tls-cert-file", cert("apiserver.crt"), "--tls-private-key-file", cert("apiserver.key"), "--client-ca-file", cert("ca.crt"),
		"--kubelet-client-certificate", cert("apiserver-kubelet.crt"), "--kubelet-client-key", cert("apiserver-kubelet.key"),
		"--kubelet-preferred-address-types", "InternalIP",
		"--service-account-key-file", cert("sa.pub"), "--service-account-signing-key-file", cert("sa.key"),
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-cluster-ip-range", Services,
		"--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction",
		"--allow-privileged=true", "--profiling=false", "--v", "1",
	}
	if o.Advertise != "" {
		args = append(args, "--advertise-address", o.Advertise)
	} else {
		args = append(args, "--advertise-address", "127.0.0.1", "--endpoint-reconciler-type", "none")
	}
	s.api = exec.Command(o.Server, append(args, o.MoreFlags...)...)
	for _, c := range []*exec.Cmd{s.etcd, s.api} {
		if err := Run(c, filepath.Join(o.Folder, filepath.Base(c.Path)+".log"), s.ended); err != nil {
			s.Stop()
			return nil, err
		}
	}
	if err := s.wait(ctx, o); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Ended gives an error when one of the programs has ended.
func (s *Server) Ended() <-chan error { return s.ended }

// Stop ends both at once.
func (s *Server) Stop() {
	for _, c := range []*exec.Cmd{s.api, s.etcd} {
		if c.Process != nil {
			_ = c.Process.Kill() // it may have ended
		}
	}
}

func (s *Server) wait(ctx context.Context, o Options) error {
	client, err := certs.Client(o.Certs, Admin)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url(o.Port)+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		if answer, err := client.Do(request); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-s.ended:
			return err
		case <-ctx.Done():
			return fmt.Errorf("apiserver: not ready: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Run starts a program whose output goes to a log file, and which does not
// outlive this one. ended is told when it has ended, with where its log is.
func Run(c *exec.Cmd, log string, ended chan<- error) error {
	f, err := os.Create(log)
	if err != nil {
		return err
	}
	defer f.Close()
	c.Stdout, c.Stderr = f, f
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := c.Start(); err != nil {
		return err
	}
	go func() {
		err := c.Wait()
		select {
		case ended <- fmt.Errorf("%s has ended (%v); its log is %s", filepath.Base(c.Path), err, log):
		default: // nobody asks any more
		}
	}()
	return nil
}

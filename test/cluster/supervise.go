//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wayside-tracing/wayside/test/cluster/apiserver"
	"github.com/wayside-tracing/wayside/test/cluster/certs"
	"github.com/wayside-tracing/wayside/test/cluster/node"
	"github.com/wayside-tracing/wayside/test/cluster/programs"
)

// Supervise is the command's first argument to be the process that a cluster
// lives and ends with.
const Supervise = "supervise"

type order struct {
	Plan node.Plan
	For  time.Duration
}

// RunSupervisor brings up a cluster, and ends it when it is told to, when its
// time is over, or when one of its parts has ended.
func RunSupervisor(argument string) (err error) {
	var o order
	if err := json.Unmarshal([]byte(argument), &o); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	var unlock func()
	for range 20 { // somebody may have it to see whether it is free
		if unlock, err = take(); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer unlock()
	p := o.Plan
	if err := errors.Join(node.RemoveGroups(p.Nodes), os.RemoveAll(p.Folder), os.MkdirAll(filepath.Join(p.Folder, "log"), 0o755)); err != nil {
		return fmt.Errorf("cluster: what is left of another one: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.For)
	defer cancel()
	until, _ := ctx.Deadline()

	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	defer front.Close()
	if err := p.Issue("https://" + front.Addr().String()); err != nil {
		return err
	}
	if err := p.Save(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	first := node.Command(p)
	if err := apiserver.Run(first, p.Log(1, "init"), ended); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	defer func() { err = errors.Join(err, end(p, first.Process, ended)) }()
	dial, err := dialer(first.Process.Pid)
	if err != nil {
		return err
	}
	go serve(front, dial)
	state, err := json.Marshal(Cluster{
		Server: "https://" + front.Addr().String(), Kubeconfig: filepath.Join(p.Certs(), node.Host+".kubeconfig"), Plan: p,
		Supervisor: os.Getpid(), Init: first.Process.Pid, Until: until,
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(p.Folder, "cluster.json"), state, 0o644)
	}
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		ended <- err // for end
		said, _ := os.ReadFile(p.Log(1, "init"))
		return fmt.Errorf("cluster: %w: %s", err, said)
	}
}

// end ends everything and removes what is left. The logs stay until the next one.
func end(p node.Plan, first *os.Process, ended <-chan error) error {
	_ = first.Kill() // it may have ended
	<-ended
	err := node.RemoveGroups(p.Nodes)
	entries, e := os.ReadDir(p.Folder)
	err = errors.Join(err, e)
	for _, entry := range entries {
		if entry.Name() != "log" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.Folder, entry.Name())))
		}
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(p.Folder, "log/etcd")))
}

// dialer returns a function that connects to the API server, in the first node's
// network. The thread that has entered that stays there, and is used for
// nothing else: it may not end, or whatever it started would.
func dialer(pid int) (func() (net.Conn, error), error) {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	type answer struct {
		conn net.Conn
		err  error
	}
	requests := make(chan chan answer)
	entered := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		entered <- err
		for r := range requests {
			conn, err := net.DialTimeout("tcp", node.IP(1)+":"+strconv.Itoa(node.Port), 5*time.Second)
			r <- answer{conn, err}
		}
	}()
	if err := <-entered; err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return func() (net.Conn, error) {
		r := make(chan answer)
		requests <- r
		a := <-r
		return a.conn, a.err
	}, nil
}

// serve joins connections to the front with those to the API server.
func serve(front net.Listener, dial func() (net.Conn, error)) {
	for {
		in, err := front.Accept()
		if err != nil {
			return // it ends
		}
		go func() {
			defer in.Close()
			out, err := dial()
			if err != nil {
				return
			}
			defer out.Close()
			go func() { _, _ = io.Copy(out, in); out.Close() }()
			_, _ = io.Copy(in, out)
		}()
	}
}

// ready reports whether nodes are ready and pods can be made.
func (c *Cluster) ready(ctx context.Context) bool {
	var nodes struct {
		Items []struct {
			Status struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if c.get(ctx, "/api/v1/nodes", &nodes) != nil || len(nodes.Items) < c.Plan.Nodes {
		return false
	}
	for _, n := range nodes.Items {
		ok := false
		for _, condition := range n.Status.Conditions {
			ok = ok || condition.Type == "Ready" && condition.Status == "True"
		}
		if !ok {
			return false
		}
	}
	// Pods are refused until the controller manager has made this.
	return c.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", &struct{}{}) == nil
}

func (c *Cluster) get(ctx context.Context, path string, into any) error {
	client, err := certs.Client(c.Plan.Certs(), node.Host)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Server+path, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// lockFile is locked as long as there is a cluster.
func lockFile() (*os.File, error) {
	cache, err := programs.Cache()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
}

func take() (unlock func(), err error) {
	f, err := lockFile()
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, ErrBusy
	}
	return func() { f.Close() }, nil
}

// held reports whether somebody has the lock.
func held() (bool, error) {
	unlock, err := take()
	if errors.Is(err, ErrBusy) {
		return true, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	unlock()
	return false, nil
}

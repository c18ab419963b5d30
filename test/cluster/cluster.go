//go:build linux

// Package cluster brings up a real Kubernetes on one Linux machine, as root, for
// tests: control plane and nodes in namespaces of their own, which change nothing
// on the machine and end, with all that is in them, with one process or after a
// set time. What they are made of is built from Go modules, once.
//
// There is one cluster at a time on a machine.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/test/cluster/image"
	"github.com/wayside-tracing/wayside/test/cluster/node"
	"github.com/wayside-tracing/wayside/test/cluster/programs"
)

// ErrCannot is wrapped by the error that says what this machine lacks.
var ErrCannot = errors.New("no cluster can be had here")

// ErrBusy is wrapped when there is a cluster already.
var ErrBusy = errors.New("there is a cluster already")

// DefaultFor is how long a cluster lives if nobody ends it before.
const DefaultFor = time.Hour

// upPatience is how long a cluster may take to come up, once all is built.
const upPatience = 4 * time.Minute

// Options say what cluster to bring up.
type Options struct {
	Nodes    int           // 1 or more
	For      time.Duration // after which it ends by itself
	APIFlags []string      // more of the API server's
}

// A Cluster is one that runs.
type Cluster struct {
	// Kubeconfig is a file for an administrator on this machine, whose server is a
	// port of the loopback that leads to the cluster's.
	Kubeconfig string
	Server     string // its URL
	Plan       node.Plan
	Supervisor int       // process id
	Init       int       // process id of the first node's first process
	Until      time.Time // when it ends by itself
}

// Up brings up a cluster, and returns when its nodes are ready and pods can be made.
func Up(ctx context.Context, o Options) (*Cluster, error) {
	if err := Able(); err != nil {
		return nil, err
	}
	if c, err := Find(); err == nil {
		return nil, fmt.Errorf("%w: process %d, until %s", ErrBusy, c.Supervisor, c.Until.Format(time.TimeOnly))
	}
	plan, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	cache, err := programs.Cache()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(cache, "supervisor.log"))
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	defer log.Close()
	order, err := json.Marshal(order{Plan: plan, For: o.For})
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	tool, err := tool(ctx)
	if err != nil {
		return nil, err
	}
	_ = os.Remove(filepath.Join(plan.Folder, "cluster.json")) // of one that was killed
	s := exec.Command(tool, Supervise, string(order))
	s.Stdout, s.Stderr = log, log
	s.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.Start(); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Wait() }() // what it says is in its log
	ctx, cancel := context.WithTimeout(ctx, upPatience)
	defer cancel()
	for {
		if c, err := Find(); err == nil && c.ready(ctx) {
			return c, nil
		}
		select {
		case <-ended:
			b, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("cluster: it did not come up: %s", strings.TrimSpace(string(b)))
		case <-ctx.Done():
			_ = s.Process.Signal(syscall.SIGTERM)
			<-ended
			return nil, fmt.Errorf("cluster: it did not come up within %v: see %s", upPatience, logs(cache))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Find finds the cluster that runs.
func Find() (*Cluster, error) {
	run, err := runFolder()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(run, "cluster.json"))
	if err != nil {
		return nil, errors.New("cluster: none is up")
	}
	c := &Cluster{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	if busy, err := held(); err != nil || !busy {
		return nil, errors.New("cluster: none is up")
	}
	return c, nil
}

// Down ends the cluster and all that is in it.
func (c *Cluster) Down() error {
	if err := syscall.Kill(c.Supervisor, syscall.SIGTERM); err != nil {
		return fmt.Errorf("cluster: process %d: %w", c.Supervisor, err)
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if busy, err := held(); err == nil && !busy {
			return nil
		}
	}
	return fmt.Errorf("cluster: process %d did not end", c.Supervisor)
}

// Command is a program that runs in a node's namespaces, as root of them.
func (c *Cluster) Command(ctx context.Context, n int, args ...string) (*exec.Cmd, error) {
	if n < 1 || n > c.Plan.Nodes {
		return nil, fmt.Errorf("cluster: there is no %s: there are %d", node.Name(n), c.Plan.Nodes)
	}
	enter := []string{"nsenter", "-t", strconv.Itoa(c.Init), "-m", "-n", "-p", "-i", "-u", "--"}
	if n > 1 {
		pid, err := os.ReadFile(c.Plan.PIDFile(n))
		if err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
		enter = append(enter, "nsenter", "-t", string(pid), "-m", "-n", "-p", "-i", "-u", "--")
	}
	cmd := exec.CommandContext(ctx, enter[0], append(enter[1:], args...)...)
	cmd.Env = append(os.Environ(), "PATH="+c.Plan.Path(), "KUBECONFIG="+filepath.Join(c.Plan.Certs(), "admin.kubeconfig"))
	return cmd, nil
}

// LoadImage makes an image archive known to every node.
func (c *Cluster) LoadImage(ctx context.Context, archive string) error {
	path, err := filepath.Abs(archive)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	for n := 1; n <= c.Plan.Nodes; n++ {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
		cmd, err := c.Command(ctx, n, "ctr", "-n", "k8s.io", "images", "import", "-")
		if err == nil {
			cmd.Stdin = f
			var out []byte
			if out, err = cmd.CombinedOutput(); err != nil {
				err = fmt.Errorf("cluster: image %s: %w: %s", archive, err, out)
			}
		}
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Logs is the folder with what the cluster's programs say.
func (c *Cluster) Logs() string { return filepath.Join(c.Plan.Folder, "log") }

// prepare builds what a cluster is made of.
func prepare(ctx context.Context, o Options) (p node.Plan, err error) {
	root, err := Root()
	if err != nil {
		return p, err
	}
	folders, err := programs.Build(ctx, root, programs.Etcd, programs.Containerd, programs.DNS, programs.Kubernetes)
	if err != nil {
		return p, err
	}
	run, err := runFolder()
	if err != nil {
		return p, err
	}
	pause, err := BuildImage(ctx, "pause:test", "/pause", "./pause")
	if err != nil {
		return p, err
	}
	return node.Plan{
		Folder: run, Nodes: max(o.Nodes, 1), Images: []string{pause}, APIFlags: o.APIFlags,
		Etcd: folders[0], Containerd: folders[1], DNS: folders[2], Kubernetes: folders[3],
	}, nil
}

// BuildImage builds a package, a path relative to test/cluster, and puts it into
// an image. It returns the archive's path.
func BuildImage(ctx context.Context, ref, at, pkg string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	program, err := goBuild(ctx, filepath.Join(root, pkg))
	if err != nil {
		return "", err
	}
	archive := program + ".tar"
	return archive, image.Write(archive, ref, program, at, at)
}

// tool is this package's command. Whoever asks for a cluster may be a test.
func tool(ctx context.Context) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	return goBuild(ctx, filepath.Join(root, "cmd/cluster"))
}

// goBuild builds a package without cgo into the cache.
func goBuild(ctx context.Context, folder string, flags ...string) (string, error) {
	cache, err := programs.Cache()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(cache, "bin"), 0o755); err != nil {
		return "", fmt.Errorf("cluster: %w", err)
	}
	out := filepath.Join(cache, "bin", filepath.Base(folder))
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", out, ".")...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if b, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cluster: building %s: %w\n%s", folder, err, b)
	}
	return out, nil
}

// Root is the folder test/cluster, above the working folder or as the checkout
// that this was built from has it.
func Root() (string, error) {
	if root := os.Getenv("WAYSIDE_CLUSTER_ROOT"); root != "" {
		return root, nil
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cluster: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		for _, root := range []string{dir, filepath.Join(dir, "test/cluster")} {
			if _, err := os.Stat(filepath.Join(root, "build/kubernetes/go.mod")); err == nil {
				return root, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("cluster: %s is not in a checkout of Wayside", wd)
		}
	}
}

func runFolder() (string, error) {
	cache, err := programs.Cache()
	return filepath.Join(cache, "run"), err
}

func logs(cache string) string { return filepath.Join(cache, "run/log") }

// Able says what this machine lacks.
func Able() error {
	if os.Getuid() != 0 {
		return fmt.Errorf("%w: that takes root, for namespaces and control groups", ErrCannot)
	}
	var lacks []string
	for program, pkg := range map[string]string{
		"runc": "runc", "nft": "nftables", "iptables": "iptables", "conntrack": "conntrack", "ip": "iproute2", "nsenter": "util-linux",
		"/usr/lib/cni/bridge": "containernetworking-plugins",
	} {
		if _, err := exec.LookPath(program); err != nil {
			lacks = append(lacks, pkg)
		}
	}
	if len(lacks) > 0 {
		return fmt.Errorf("%w: as on Debian, apt-get install %s", ErrCannot, strings.Join(lacks, " "))
	}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return fmt.Errorf("%w: %s was never tried", ErrCannot, runtime.GOARCH)
	}
	return nil
}

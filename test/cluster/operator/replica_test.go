//go:build cluster

package operator

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Lives of certificates: so short that the tests see several of each.
const (
	certificateLife = 15 * time.Second
	authorityLife   = time.Minute
)

// replica is one operator.
type replica struct {
	program, kubeconfig, log string

	process                  *exec.Cmd
	webhook, health, metrics string
	ready                    atomic.Bool
	maxRSS                   atomic.Int64 // in bytes
	ended                    chan struct{}
}

func (r *replica) start() error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	r.webhook, r.health, r.metrics = ports[0], ports[1], ports[2]
	log, err := os.OpenFile(r.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	r.process = exec.Command(r.program, "--kubeconfig", r.kubeconfig, "--namespace", system, "--image", "wayside-agent:test",
		"--webhook", r.webhook, "--health", r.health, "--metrics", r.metrics, "--webhook-url", door.url(),
		"--certificate-life", certificateLife.String(), "--authority-life", authorityLife.String(), "--log-level", "debug")
	r.process.Stderr = log
	r.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.process.Start(); err != nil {
		return err
	}
	r.ended = make(chan struct{})
	go r.look(r.ended)
	return nil
}

// look asks a replica whether it is ready, as a kubelet would, and what it takes.
func (r *replica) look(ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			r.ready.Store(false)
			return
		case <-time.After(100 * time.Millisecond):
		}
		answer, err := http.Get("http://" + r.health + "/readyz")
		if err == nil {
			answer.Body.Close()
		}
		r.ready.Store(err == nil && answer.StatusCode == http.StatusOK)
		r.maxRSS.Store(max(r.maxRSS.Load(), rss(r.process.Process.Pid)))
	}
}

func (r *replica) waitReady(ctx context.Context) error {
	return eventually(ctx, time.Minute, func() error {
		if !r.ready.Load() {
			b, _ := os.ReadFile(r.log)
			return fmt.Errorf("the operator is not ready: %s", b[max(0, len(b)-2000):])
		}
		return nil
	})
}

// stop ends it in order and says how it ended.
func (r *replica) stop() error {
	if r.process == nil {
		return nil
	}
	_ = r.process.Process.Signal(syscall.SIGTERM)
	err := r.process.Wait()
	close(r.ended)
	r.process = nil
	return err
}

func (r *replica) report(failed bool) {
	fmt.Printf("operator: most resident memory %.1f MiB\n", float64(r.maxRSS.Load())/(1<<20))
	if failed {
		b, _ := os.ReadFile(r.log)
		fmt.Printf("--- %s\n%s\n", r.log, b[max(0, len(b)-20000):])
	}
}

func rss(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10
}

// metric is a figure of a replica's /metrics, the sum over labels.
func (r *replica) metric(name string) (sum float64) {
	answer, err := http.Get("http://" + r.metrics + "/metrics")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		fields := strings.Fields(line)
		v, _ := strconv.ParseFloat(fields[len(fields)-1], 64)
		sum += v
	}
	return sum
}

// balancer is what a Service is: connections go to replicas that are ready.
type balancer struct {
	listener net.Listener

	mu       sync.Mutex
	replicas []*replica
	next     int
}

func newBalancer() (*balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.carry(c)
		}
	}()
	return b, nil
}

func (b *balancer) url() string { return "https://" + b.listener.Addr().String() + "/mutate-pods" }

func (b *balancer) add(r *replica) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicas = append(b.replicas, r)
}

func (b *balancer) pick() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.replicas {
		b.next++
		if r := b.replicas[b.next%len(b.replicas)]; r.ready.Load() {
			return r.webhook
		}
	}
	return ""
}

func (b *balancer) carry(c net.Conn) {
	defer c.Close()
	to := b.pick()
	if to == "" {
		return
	}
	u, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer u.Close()
	done := make(chan bool, 2)
	go func() { _, _ = io.Copy(u, c); done <- true }()
	go func() { _, _ = io.Copy(c, u); done <- true }()
	<-done
}

func freePorts(n int) (list []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		list = append(list, l.Addr().String())
	}
	return list, nil
}

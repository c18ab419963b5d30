package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/proc"
	"github.com/wayside-tracing/wayside/internal/cgroup"
)

// A process is a contender that runs.
type process struct {
	*contender
	places  *places
	cmd     *exec.Cmd
	log     string // the path of what it wrote
	began   time.Time
	started time.Duration // from exec until it was ready
	ended   chan struct{} // closed when it has ended
}

// startLimit is how long a contender may take until it is ready.
const startLimit = 20 * time.Second

// start runs a contender for spans that come by a protocol in folder dir, with an empty disk, and waits until it is ready.
func start(ctx context.Context, c *contender, in load.Protocol, dir string, to receiver, o options) (*process, error) {
	if err := os.RemoveAll(diskOf(c, o)); err != nil {
		return nil, err
	}
	return startAgain(ctx, c, in, dir, to, nil, o)
}

// diskOf is the folder of a contender's disk buffer.
func diskOf(c *contender, o options) string { return filepath.Join(o.disk, c.name) }

// startAgain runs a contender with what its disk has, in a memory cgroup or, with
// nil, in none. It is ready when its admin port answers with 200, or, where it has
// no such thing, when its UDP port is bound.
func startAgain(ctx context.Context, c *contender, in load.Protocol, dir string, to receiver, group *cgroup.Group, o options) (*process, error) {
	if err := os.MkdirAll(diskOf(c, o), 0o700); err != nil {
		return nil, err
	}
	p := &process{contender: c, ended: make(chan struct{})}
	p.places = &places{in: in, disk: diskOf(c, o), grpc: to.grpc, sink: to.sink}
	if err := p.places.fill(); err != nil {
		return nil, err
	}
	s := c.setup(p.places, o)
	config := filepath.Join(dir, c.name+".yaml")
	if s.config != "" {
		if err := os.WriteFile(config, []byte(s.config), 0o600); err != nil {
			return nil, err
		}
	}
	p.log = filepath.Join(dir, c.name+".log")
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(c.binary, s.arguments(config)...)
	if group != nil {
		p.cmd = exec.Command("/bin/sh", append([]string{"-c", group.Enter() + ` && exec "$0" "$@"`, c.binary}, s.arguments(config)...)...)
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	tieToParent(p.cmd)
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in cmd.ProcessState
		close(p.ended)
	}()
	for !p.ready() {
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended before it was ready (%v); it wrote:\n%s", c.name, p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			p.stop()
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		if time.Since(p.began) > startLimit {
			p.stop()
			return nil, fmt.Errorf("%s was not ready after %v; it wrote:\n%s", c.name, startLimit, p.tail())
		}
	}
	p.started = time.Since(p.began)
	return p, nil
}

var readyPath = map[string]string{jaegerAgent: "/", wayside: "/readyz"}

func (p *process) ready() bool {
	path, ok := readyPath[program(p.name)]
	if !ok {
		_, err := proc.ReadUDP(p.places.udp)
		return err == nil
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(p.places.adminURL(path))
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the process to end, and makes it after 10 s.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.kill()
	}
}

// kill ends the process as the kernel does it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// tail is the end of what the process wrote.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// freePorts finds ports of 127.0.0.1 that nobody has, neither UDP nor TCP. All
// are held until the last is found, so that they differ.
func freePorts(n int) (ports []int, err error) {
	for range 10 * n {
		if len(ports) == n {
			return ports, nil
		}
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, err
		}
		defer udp.Close()
		port := udp.LocalAddr().(*net.UDPAddr).Port
		tcp, err := net.Listen("tcp4", local(port))
		if err != nil {
			continue
		}
		defer tcp.Close()
		ports = append(ports, port)
	}
	return nil, errors.New("found no free ports")
}

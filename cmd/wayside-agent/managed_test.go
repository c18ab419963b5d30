package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// manager plays systemd: it holds sockets, hands them over and is told how the
// agent is.
type manager struct {
	udp, admin, extra string // addresses of the sockets
	files             []*os.File
	notify            *net.UnixConn
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{}
	keep := func(s interface{ File() (*os.File, error) }, err error) {
		if err == nil {
			var f *os.File
			if f, err = s.File(); err == nil {
				m.files = append(m.files, f)
				t.Cleanup(func() { f.Close() })
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	loopback := net.IPv4(127, 0, 0, 1)
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: loopback})
	keep(udp, err)
	admin, err := net.ListenTCP("tcp", &net.TCPAddr{IP: loopback})
	keep(admin, err)
	extra, err := net.ListenUDP("udp", &net.UDPAddr{IP: loopback})
	keep(extra, err)
	m.udp, m.admin, m.extra = udp.LocalAddr().String(), admin.Addr().String(), extra.LocalAddr().String()
	t.Cleanup(func() { udp.Close(); admin.Close(); extra.Close() })
	m.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(t.TempDir(), "notify")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.notify.Close() })
	return m
}

// start starts an agent as systemd does.
func (m *manager) start(t *testing.T, file string) *process {
	t.Helper()
	p := &process{}
	p.Cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" --config "$1"`, os.Args[0], file)
	p.Env = append(os.Environ(), "WAYSIDE_AGENT_TEST=run", "NOTIFY_SOCKET="+m.notify.LocalAddr().String(),
		"WATCHDOG_USEC=200000", fmt.Sprint("LISTEN_FDS=", len(m.files)), "LISTEN_FDNAMES=jaeger.socket:admin.socket:extra.socket")
	p.ExtraFiles = m.files
	p.Stdout, p.Stderr = p, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// told waits for what the manager is told next, the watchdog left aside.
func (m *manager) told(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if got := m.next(t); got == want {
			return
		} else if got != "WATCHDOG=1" {
			t.Fatalf("the manager was told %s, want %s", got, want)
		}
	}
	t.Fatalf("the manager was not told %s", want)
}

func (m *manager) next(t *testing.T) string {
	t.Helper()
	if err := m.notify.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 200)
	n, err := m.notify.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// An agent takes over what fits its configuration, gives a socket back that is
// taken out of it and has it again when it is put back; and it says how it is.
func TestServiceManager(t *testing.T) {
	m := newManager(t)
	file := filepath.Join(t.TempDir(), "agent.yaml")
	text := `
accept: {jaeger: {compact: "` + m.udp + `", binary: ""}, otlp: {grpc: "127.0.0.1:0", http: ""}}
admin: {http: "` + m.admin + `"}
log: {format: json}
deliver: {endpoint: "127.0.0.1:9"}
drain_timeout: 1ms
`
	write(t, file, text)
	client, err := net.Dial("udp", m.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sent := uint64(0)
	packet := func() {
		t.Helper()
		b := jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, webBatch(10))
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
		sent += 10
	}
	packet() // nobody is there yet
	p := m.start(t, file)
	m.told(t, "READY=1")
	taken := p.await(t, "were taken over", 1)
	if !strings.Contains(taken, "udp "+m.udp) || !strings.Contains(taken, "tcp "+m.admin) || strings.Contains(taken, m.extra) {
		t.Errorf("it says %s", taken)
	}
	if line := p.await(t, "of no use", 1); !strings.Contains(line, "extra.socket: no listener is configured for udp "+m.extra) {
		t.Errorf("it says %s", line)
	}
	accepted := func(want uint64) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			lane := status(t, m.admin).Lanes[0]
			if err := lane.Check(); err != nil {
				t.Fatal(err)
			}
			if lane.Accepted == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d spans accepted, want %d\n%s", lane.Accepted, want, p.text())
			}
		}
	}
	accepted(sent)

	write(t, file, strings.Replace(text, m.udp, "", 1))
	send(t, p, syscall.SIGHUP)
	m.told(t, "RELOADING=1")
	m.told(t, "READY=1")
	p.await(t, "configuration reloaded", 1)
	packet()
	if n := len(status(t, m.admin).Sockets); n != 0 {
		t.Errorf("%d sockets are open", n)
	}
	write(t, file, text)
	send(t, p, syscall.SIGHUP)
	m.told(t, "RELOADING=1")
	m.told(t, "READY=1")
	accepted(sent)

	for m.next(t) != "WATCHDOG=1" {
		t.Error("that was not the watchdog's")
	}
	send(t, p, syscall.SIGTERM)
	m.told(t, "STOPPING=1")
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.await(t, `"ledger"`, 1)
	packet()
	second := m.start(t, file)
	m.told(t, "READY=1")
	accepted(10) // what came between the two
	send(t, second, syscall.SIGTERM)
	if code := second.end(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Sockets that are for another process are left to it.
func TestSocketsForAnotherProcess(t *testing.T) {
	m := newManager(t)
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, running)
	p := &process{Cmd: exec.Command("/bin/sh", "-c", `LISTEN_PID=1 exec "$0" --config "$1"`, os.Args[0], file)}
	p.Env = append(os.Environ(), "WAYSIDE_AGENT_TEST=run", "LISTEN_FDS=3")
	p.ExtraFiles = m.files
	p.Stdout, p.Stderr = p, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	if line := p.await(t, "the service manager's sockets", 1); !strings.Contains(line, "is for process") {
		t.Errorf("it says %s", line)
	}
	p.await(t, `"msg":"ready"`, 1)
	send(t, p, syscall.SIGTERM)
	if code := p.end(t); code != 0 || strings.Contains(p.text(), "taken over from") {
		t.Errorf("exit code %d\n%s", code, p.text())
	}
}

package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// No input ends the process, moves its memory beyond the bound or costs the
// good sender beside it a span, while no collector is there to take anything.
func TestFloodOfBadDatagrams(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, running+"buffer: {memory: 2MiB}\ndrain_timeout: 100ms\n")
	p := start(t, "--config", file)
	ready := p.await(t, `"msg":"ready"`, 1)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	socket := regexp.MustCompile(`udp (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	conn, err := net.Dial("udp", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	const goodSpans = 20
	good := map[thrift.Encoding][]byte{}
	for _, e := range []thrift.Encoding{thrift.Compact, thrift.Binary, thrift.BinaryOld} {
		good[e] = jaegerthrift.AppendEmitBatch(nil, e, thrift.Call, 1, webBatch(goodSpans))
	}
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	bad := [][]byte{
		nil,
		unhex("82210109656d6974426174636800"), // emitBatch without a batch: ended the Jaeger Agent
		[]byte("\x82\x81\x01\x0femitZipkinBatch\x00"),                                      // without spans
		unhex("82210109656d697442617463681c1c1801730019fcffffffff07"),                      // 2^31-1 spans
		unhex("82210109656d697442617463681c1c18ffffffff07"),                                // a service name of 2^31-1 bytes
		append([]byte("\x82\x21\x01\x09emitBatch"), bytes.Repeat([]byte{0x2c}, 60_000)...), // structs in structs
		append([]byte("\x82\x21\x01\x09emitBatch"), bytes.Repeat([]byte{0x19}, 60_000)...), // lists of lists
		make([]byte, 65_507),
		bytes.Repeat([]byte{0xff}, 65_507),
	}
	zipkin := [][]byte{
		[]byte("\x82\x81\x01\x0femitZipkinBatch\x19\x0c\x00"), // no spans: ended the Collector's receiver
		unhex("8281070f656d69745a69706b696e4261746368191c1602280367657416061608192c1680897a180263731c15828080a00114a001180373766300001684897a18047769726500292c18016b180176150c0018016e180200071504002680897a160a16040000"),
	}
	before := memory(t, p)
	rng := rand.New(rand.NewPCG(1, 2))
	var sent, sentGood uint64
	room := status(t, admin).Sockets[0].BufferGot / 4
	unread := 0 // bytes in the socket, at most
	send := func(d []byte) {
		if _, err := conn.Write(d); err != nil {
			t.Fatal(err)
		}
		sent++
		const overhead = 2 << 10 // what the kernel counts beside a packet's bytes, at most
		if unread += len(d) + overhead; unread < room {
			return
		}
		for end := time.Now().Add(10 * time.Second); status(t, admin).Sockets[0].Packets != sent; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d packets sent, but %+v", sent, status(t, admin).Sockets[0])
			}
		}
		unread = 0
	}
	const rounds = 100
	for range rounds {
		for _, d := range bad {
			send(d)
		}
		for _, e := range []thrift.Encoding{thrift.Compact, thrift.Binary, thrift.BinaryOld} {
			for range 20 {
				d := bytes.Clone(good[e])
				for range 1 + rng.IntN(4) {
					d[rng.IntN(len(d))] = byte(rng.Uint32())
				}
				send(d[:1+rng.IntN(len(d))])
				send(d)
			}
		}
		for _, d := range zipkin {
			send(d)
			for range 20 {
				d := bytes.Clone(d)
				d[rng.IntN(len(d))] = byte(rng.Uint32())
				send(d)
			}
		}
		send(good[thrift.Compact])
		sentGood++
	}
	unread = room
	send(good[thrift.Compact]) // and waits until all is read
	sentGood++
	lane := status(t, admin).Lanes[0]
	if err := lane.Check(); err != nil {
		t.Error(err)
	}
	if lane.Accepted < sentGood*goodSpans {
		t.Errorf("%d good packets of %d spans sent, %d spans accepted", sentGood, goodSpans, lane.Accepted)
	}
	if lane.Refused[ledger.Unimplemented] != 0 || lane.Refused[ledger.Malformed] < rounds*uint64(len(bad)) {
		t.Errorf("refused: %v", lane.Refused)
	}
	// The buffer of 2 MiB, what a socket is read into, and garbage between two collections.
	limit := int64(16 << 20)
	if raceDetector() {
		limit *= 4 // it keeps a record of each word
	}
	if grown := memory(t, p) - before; grown > limit {
		t.Errorf("memory has grown by %d bytes", grown)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.text())
	}
}

// raceDetector reports whether this program was built with it.
func raceDetector() bool {
	build, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// webBatch is what a web service's tracer sends.
func webBatch(spans int) *jaegerthrift.Batch {
	seqNo := int64(1)
	b := &jaegerthrift.Batch{
		Process: jaegerthrift.Process{ServiceName: "shop", Tags: []jaegerthrift.Tag{{Key: "hostname", Str: "web-1"}, {Key: "client-uuid", Str: "c1"}}},
		SeqNo:   &seqNo,
		Stats:   &jaegerthrift.ClientStats{},
	}
	for i := range spans {
		b.Spans = append(b.Spans, jaegerthrift.Span{
			TraceIDLow: 7, SpanID: uint64(i + 1), OperationName: "GET /cart", StartTime: 1e15, Duration: 1000,
			References: []jaegerthrift.SpanRef{{RefType: jaegerthrift.FollowsFrom, TraceIDLow: 9, SpanID: 9}},
			Tags: []jaegerthrift.Tag{
				{Key: "http.method", Str: "GET"},
				{Key: "http.status_code", Type: jaegerthrift.TagLong, Long: 200},
				{Key: "error", Type: jaegerthrift.TagBool, Bool: true},
				{Key: "ratio", Type: jaegerthrift.TagDouble, Double: 0.5},
				{Key: "raw", Type: jaegerthrift.TagBinary, Binary: []byte{1, 2, 3}},
			},
			Logs: []jaegerthrift.Log{{Timestamp: 1e15, Fields: []jaegerthrift.Tag{{Key: "event", Str: "retry"}}}},
		})
	}
	return b
}

// memory is the most that a process has had resident, in bytes; 0 where
// /proc does not tell.
func memory(t *testing.T, p *process) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in /proc/PID/status")
	return 0
}

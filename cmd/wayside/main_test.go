package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

// call runs the program and returns what it wrote.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"help"}, []string{"wayside up", "wayside loadgen", "wayside explain", "wayside migrate", "wayside version", "wayside-agent"}},
		{[]string{"explain", "--help"}, []string{"pod/web-7d9f8c-x2x4q -n shop", "--namespace NAMESPACE", "--context CONTEXT", "--json", "get pods/proxy"}},
		{[]string{"migrate", "-h"}, []string{"--from-file FILE", "NOT CARRIED OVER", "--A ", "Exit status"}},
		{[]string{"--help"}, []string{"wayside up"}},
		{[]string{"up", "--help"}, []string{"--compact ADDRESS", "(default 127.0.0.1:6831)", "--binary", "--admin", "--duration TIME", "--demo ", "jq"}},
		{[]string{"help", "up"}, []string{"--compact ADDRESS"}},
		{[]string{"loadgen", "-h"}, []string{"--rate SPANS", "a second", "(default 20)", "--duration", "--to HOST:PORT", "--protocol PROTOCOL", "otlp-grpc", "otlp-http", "otlp-json", "4317", "--encoding", "--services N", "--seed NUMBER", "--json"}},
		{[]string{"version"}, []string{"wayside "}},
	} {
		code, stdout, stderr := call(t, c.args...)
		if code != ok || stderr != "" {
			t.Errorf("%v: exit %d, %q", c.args, code, stderr)
		}
		for _, s := range c.says {
			if !strings.Contains(stdout, s) {
				t.Errorf("%v: does not say %q:\n%s", c.args, s, stdout)
			}
		}
		for line := range strings.Lines(stdout) {
			if len(line) > 121 {
				t.Errorf("%v: a line of %d bytes: %s", c.args, len(line), line)
			}
		}
	}
	if code, _, stderr := call(t); code != wrongUse || !strings.Contains(stderr, "wayside up") {
		t.Errorf("without a command: exit %d, %q", code, stderr)
	}
}

func TestWrongUse(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"upp"}, `no command "upp"`},
		{[]string{"up", "now"}, `"now"`},
		{[]string{"up", "--port", "1"}, "-port"},
		{[]string{"up", "--duration", "ten"}, `"ten"`},
		{[]string{"up", "--duration", "-1s"}, "--duration -1s: must not be negative"},
		{[]string{"up", "--compact", "nowhere"}, "--compact"},
		{[]string{"up", "--admin", "127.0.0.1:99999"}, "--admin"},
		{[]string{"explain"}, "KIND/NAME"},
		{[]string{"explain", "node/a"}, `no explaining a node`},
		{[]string{"explain", "pod", "a", "b"}, `"b"`},
		{[]string{"explain", "pod/a", "-x"}, "-x"},
		{[]string{"migrate", "shop"}, `"shop"`},
		{[]string{"migrate", "-A", "-n", "shop"}, "-A is all namespaces"},
		{[]string{"migrate", "-A", "--from-file", "x"}, "-A is about a cluster"},
		{[]string{"loadgen", "--rate", "0"}, "--rate 0: must be more than 0"},
		{[]string{"loadgen", "--rate", "NaN"}, "--rate NaN"},
		{[]string{"loadgen", "--encoding", "json"}, `--encoding "json": must be compact or binary`},
		{[]string{"loadgen", "--protocol", "otlp"}, `--protocol "otlp": must be jaeger, otlp-grpc, otlp-http or otlp-json`},
		{[]string{"loadgen", "--protocol", "otlp-http", "--encoding", "binary"}, "--encoding binary: goes with --protocol jaeger, and it is otlp-http"},
		{[]string{"loadgen", "--protocol", "otlp-http", "--to", "http://127.0.0.1:4318"}, "--to http://127.0.0.1:4318"},
		{[]string{"loadgen", "--services", "9"}, "--services 9: must be 1 to 8"},
		{[]string{"loadgen", "--duration", "-1s"}, "--duration"},
		{[]string{"loadgen", "--to", "here"}, "--to here"},
	} {
		code, stdout, stderr := call(t, c.args...)
		if code != wrongUse || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasSuffix(stderr, "\n") ||
			!strings.HasPrefix(stderr, "wayside") || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: exit %d, %q, %q; want one line that says %q", c.args, code, stdout, stderr, c.says)
		}
	}
}

func TestPortInUse(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for taken, args := range map[string][]string{
		"UDP " + udp.LocalAddr().String(): {"--compact", udp.LocalAddr().String(), "--binary", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--admin", "127.0.0.1:0"},
		"TCP " + tcp.Addr().String():      {"--compact", "127.0.0.1:0", "--binary", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--admin", tcp.Addr().String()},
	} {
		code, stdout, stderr := call(t, append([]string{"up"}, args...)...)
		if code != failure || stdout != "" || strings.Count(stderr, "\n") != 1 ||
			!strings.Contains(stderr, taken+" is in use") || !strings.Contains(stderr, "--compact 127.0.0.1:0 --binary") {
			t.Errorf("exit %d, %q", code, stderr)
		}
	}
}

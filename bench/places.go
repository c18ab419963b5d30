package main

import (
	"fmt"
	"slices"

	"github.com/wayside-tracing/wayside/bench/load"
)

// places are the addresses that one started process and its receiver use, all on 127.0.0.1.
type places struct {
	// in is how spans will come. Of the ports that are not open by default,
	// only the one for it is.
	in load.Protocol

	udp, binaryUDP, zipkinUDP int // Jaeger's and Zipkin's packets
	otlpGRPC, otlpHTTP        int // nobody's where a program has none, as the others
	jaegerGRPC, jaegerHTTP    int
	zipkinHTTP                int
	spare                     int // one that a program insists on opening
	admin                     int

	disk string // an empty folder of its own
	grpc string // the receiver, host:port
	sink string // the receiver's port that counts bytes
}

// fill gives each its port.
func (p *places) fill() error {
	all := []*int{&p.udp, &p.binaryUDP, &p.zipkinUDP, &p.otlpGRPC, &p.otlpHTTP, &p.jaegerGRPC, &p.jaegerHTTP, &p.zipkinHTTP, &p.spare, &p.admin}
	ports, err := freePorts(len(all))
	if err != nil {
		return err
	}
	for i, port := range all {
		*port = ports[i]
	}
	return nil
}

// to is the address to which spans are sent by a protocol.
func (p *places) to(protocol load.Protocol) string {
	return local(map[load.Protocol]int{
		load.JaegerUDP: p.udp, load.ZipkinUDP: p.zipkinUDP,
		load.OTLPGRPC: p.otlpGRPC, load.OTLPHTTP: p.otlpHTTP, load.OTLPJSON: p.otlpHTTP,
		load.JaegerGRPC: p.jaegerGRPC, load.JaegerHTTP: p.jaegerHTTP,
		load.ZipkinJSON: p.zipkinHTTP, load.ZipkinProtobuf: p.zipkinHTTP,
	}[protocol])
}

// only is where one of these protocols comes in, or "" if none of them will.
func (p *places) only(protocols ...load.Protocol) string {
	if slices.Contains(protocols, p.in) {
		return p.to(p.in)
	}
	return ""
}

// socket is the UDP port whose losses count.
func (p *places) socket() int {
	if p.in == load.ZipkinUDP {
		return p.zipkinUDP
	}
	return p.udp
}

func (p *places) adminURL(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", p.admin, path)
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

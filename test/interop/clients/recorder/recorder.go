// Package recorder keeps what real clients send when they are told the story of package scenario.
package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/wayside-tracing/wayside/test/interop/clients/jaegernode"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
)

// A Client is a real client, by the name that its recordings have.
type Client struct {
	Name string
	Tell func(address string, services []scenario.Service) error
}

// Clients are those that are recorded.
var Clients = []Client{
	{Name: "jaeger-client-go", Tell: scenario.TellJaeger},
	{Name: "otel-exporter-jaeger", Tell: scenario.TellOTel},
	{Name: "jaeger-client-node", Tell: jaegernode.TellClient},
}

// Record has the client say the story and returns the datagrams that it sent. The name of this machine, which clients
// tell, is written over.
func (c Client) Record() ([][]byte, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	story := scenario.Story()
	if err := c.Tell(conn.LocalAddr().String(), story); err != nil {
		return nil, err
	}
	// The client is done, so its datagrams are here: the kernel delivers on loopback within the call that sends.
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		return nil, err
	}
	var datagrams [][]byte
	for buf := make([]byte, 1<<16); ; {
		n, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return nil, err
		}
		datagrams = append(datagrams, anonymous(buf[:n]))
	}
	if len(datagrams) != len(story) {
		return nil, fmt.Errorf("%s sent %d datagrams, not one for each of the %d services", c.Name, len(datagrams), len(story))
	}
	return datagrams, nil
}

// anonymous is a copy in which the host's name is as many letters h, so that every length in it holds.
func anonymous(datagram []byte) []byte {
	c := bytes.Clone(datagram)
	host, err := os.Hostname()
	if err != nil {
		return c
	}
	if _, value, ok := bytes.Cut(c, []byte("hostname")); ok { // the tag's key; its value comes next
		if i := bytes.Index(value, []byte(host)); i >= 0 {
			copy(value[i:], bytes.Repeat([]byte("h"), len(host)))
		}
	}
	return c
}

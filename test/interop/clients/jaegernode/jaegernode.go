// Package jaegernode has the clients for Node that speak Jaeger's protocol say the story of package scenario: Jaeger's own,
// and OpenTelemetry's SDK with its exporter for Jaeger. Both send Thrift's binary encoding by UDP, to port 6832 if nobody
// names another.
package jaegernode

import (
	"net"

	"github.com/wayside-tracing/wayside/test/interop/clients/node"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
)

// folder holds the programs, seen from the module's.
const folder = "jaegernode/node"

// Here says whether the clients can be run on this machine; the error is node.ErrNotHere if not.
func Here() error { return node.Install(folder) }

// TellClient has Jaeger's client say the story to an agent at a UDP address, a datagram for each service.
func TellClient(address string, services []scenario.Service) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	return tell(services, node.Program{Folder: folder, Script: "client.js", Args: []string{host, port}})
}

// TellExporter has OpenTelemetry's SDK and its exporter for Jaeger say it.
func TellExporter(address string, services []scenario.Service) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	return tell(services, node.Program{
		Folder: folder, Script: "exporter.js",
		Env: []string{"OTEL_EXPORTER_JAEGER_AGENT_HOST=" + host, "OTEL_EXPORTER_JAEGER_AGENT_PORT=" + port},
	})
}

func tell(services []scenario.Service, program node.Program) error {
	story, err := scenario.JSON(services)
	if err != nil {
		return err
	}
	_, err = program.Run(story)
	return err
}
